"""microblog: users write short texts, follow each other, read timelines, and search."""

from pathlib import Path
from typing import Any

from pyramid.config import Configurator

from microblog import precautions
from microblog import settings as settings_module
from microblog.errors import ConfigurationError
from microblog.resources.root import Root
from microblog.settings import Settings


def main(global_config: dict[str, str], **ini: str) -> Any:
    """The WSGI application for an ini file: what `pserve` asks for."""
    path = Path(global_config.get("__file__", "settings"))
    try:
        checked = settings_module.read(ini, overrides=global_config, source=path.name)
        precautions.take(checked, path, ini)
        return application(checked, ini)
    except ConfigurationError as error:
        raise SystemExit(f"microblog: {error}") from None


def application(settings: Settings, ini: dict[str, Any] | None = None) -> Any:
    """The WSGI application. ConfigurationError: it cannot start as it is set up.

    `ini`: settings of other libraries, `pyramid.` and the like.
    """
    with Configurator(root_factory=Root, settings=ini or {}) as config:
        config.registry["settings"] = settings
        config.add_request_method(lambda request: settings, "site", reify=True)
        config.include("microblog.metrics")
        config.include("microblog.responses")
        config.include("microblog.kept")
        config.include("microblog.hosts")
        config.include("microblog.security")
        config.include("microblog.i18n")
        config.include("microblog.forms")
        config.include("microblog.rest")
        config.include("microblog.pages")
        config.include("microblog.views")
        config.include("microblog.openapi")
        config.include("microblog.tasks")
        # A mistake above ends the start before a document server is started.
        config.commit()
        config.include("microblog.database")
        config.include("microblog.readonly")
        config.include("microblog.views.health")
        config.include("microblog.requests")
        return config.make_wsgi_app()
