"""The Celery application of a site: where its tasks wait.

By default that is the site's own MongoDB. The embedded server takes a message out of
10,000 at 8 a second, because find-and-modify scans there; with it, tasks wait as files
in a folder of the data directory.
"""

from typing import Any

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from microblog.settings import Settings

QUEUE = "microblog"
POLL_SECONDS = 0.5  # a MongoDB
LOOK_SECONDS = 0.1  # into a folder, which is cheap
FOLDER = "folder://localhost/"
RETRIES = 5
TRANSPORT_ALIASES["folder"] = "microblog.tasks.folder:Transport"

BACKOFF_SECONDS = 2  # before the first retry; twice as long before each further one


def application(settings: Settings) -> Celery:
    """The application, for who sends tasks; the worker adds what they do."""
    celery = Celery("microblog", broker=url(settings), set_as_current=False)
    celery.conf.update(
        broker_transport_options=_options(settings),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        # For each thread. A worker that holds no more looks again only when it polls;
        # what it holds when it is killed, waits for sweep.
        worker_prefetch_multiplier=25,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        timezone="UTC",
    )
    return celery


def url(settings: Settings) -> str:
    """The broker's address; it may hold a password."""
    if given := settings.celery_broker_url.get_secret_value():
        return given
    if uri := settings.mongodb_uri.get_secret_value():
        return _with_database(uri, settings.mongodb_database)
    return FOLDER


def _with_database(uri: str, database: str) -> str:
    """The URI with the database put where Kombu looks for it; who logs in, still does
    so by the database that the URI names."""
    address, _question, options = uri.partition("?")
    scheme, _colon, rest = address.partition("://")
    hosts, _slash, named = rest.partition("/")
    if "@" in hosts and "authsource=" not in options.lower():
        options = f"{options}&authSource={named or 'admin'}".removeprefix("&")
    return f"{scheme}://{hosts}/{database}?{options}".removesuffix("?")


def _options(settings: Settings) -> dict[str, Any]:
    if url(settings) != FOLDER:
        # How often Kombu asks MongoDB; Redis and RabbitMQ tell by themselves.
        is_mongodb = url(settings).startswith("mongodb")
        return {"polling_interval": POLL_SECONDS} if is_mongodb else {}
    folder = settings.data_dir.absolute() / "tasks"
    return {
        "data_folder_in": str(folder / "waiting"),
        "data_folder_out": str(folder / "waiting"),
        "processed_folder": str(folder / "taken"),
        "control_folder": str(folder / "control"),
        "store_processed": False,
        "polling_interval": LOOK_SECONDS,
    }
