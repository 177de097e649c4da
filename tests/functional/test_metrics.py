"""What Prometheus is told: of a running site and its worker, and by which names the
dashboard and the alarms ask for it."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as parsed
from webtest import TestApp

from microblog import metrics, settings
from microblog.commands.run import _web
from microblog.database import Connection
from tests.site import Site

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS = "metrics.listen = 127.0.0.1:0\nlimits.search = 1"
DONE = "microblog_task_seconds_count"
TEXT = "a text that nobody else is told"
METRIC = re.compile(r"\b(?:microblog|process|up)(?:_[a-z_]+)?(?=\{|\[)")

Labels = frozenset[tuple[str, str]]
Told = dict[tuple[str, Labels], float]


def read(log: Path) -> tuple[str, Told]:
    """What the process with this log tells: as text, and as values."""
    found = re.search(r"metrics are at (http://\S+)", log.read_text())
    assert found, log.read_text()
    url = urlsplit(found[1])
    connection = http.client.HTTPConnection(url.netloc, timeout=20)
    connection.request("GET", url.path)
    text = connection.getresponse().read().decode()
    connection.close()
    samples = [one for family in parsed(text) for one in family.samples]
    told = {(one.name, frozenset(one.labels.items())): one.value for one in samples}
    return text, told


def value(told: Told, name: str, **labels: str) -> float:
    """The sum of a metric over all that have these labels."""
    wanted = set(labels.items())
    return sum(told[key] for key in told if key[0] == name and wanted <= key[1])


def until(look: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def do_something_of_everything(site: Site) -> None:
    """By one user, so that it can be counted."""
    token = site.register("somebody")
    body = {"username": "somebody", "password": "a wrong password"}
    assert site.request("POST", "/api/token", body)[0] == 400
    path = "/api/users/somebody/collection"
    for _ in range(3):
        assert site.request("POST", path, {"text": TEXT}, token)[0] == 201
        assert site.request("GET", "/api/users/somebody", None, token)[0] == 200
    assert site.request("GET", "/api/users/nobody_here", None, token)[0] == 404
    assert site.request("GET", path, None, token)[0] == 200
    for _ in range(2):
        assert httpx.get(f"http://127.0.0.1:{site.port}/users/somebody").is_success
    searches = [f"/api/search?text={TEXT[2:6]}"] * 2
    assert [site.request("GET", one, None, token)[0] for one in searches] == [200, 429]
    log = site.directory / "worker.log"
    for task in ("sweep", "deliver"):
        until(lambda task=task: value(read(log)[1], DONE, task=task) > 0)  # type: ignore[misc]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site and its worker, which have worked."""
    site = Site(tmp_path_factory.mktemp("measured"), SETTINGS)
    site.start()
    worker = site.start_worker()
    try:
        do_something_of_everything(site)
        yield site
    finally:
        worker.terminate()
        statuses = worker.wait(60), site.stop()
    assert statuses == (0, 0)


def test_requests_by_view_and_status_with_durations(measured: Site) -> None:
    told = read(measured.log)[1]
    requests, seconds = "microblog_requests_total", "microblog_request_seconds_count"
    posted = {"view": "api.collection", "method": "POST", "status": "201"}
    assert value(told, requests, **posted) == 3
    assert value(told, requests, view="api.user", status="200") == 3
    assert value(told, requests, view="none", status="404") == 1
    assert value(told, seconds, view="api.user") == 3
    assert value(told, "microblog_request_seconds_sum", view="api.user") > 0
    assert value(told, "microblog_events_total", event="login_failed") == 1
    assert value(told, "microblog_throttled_total", limit="search") == 1


def test_database_memory_and_process(measured: Site) -> None:
    told = read(measured.log)[1]
    commands = "microblog_database_seconds_count"
    assert value(told, commands, command="insert", outcome="ok") >= 3
    assert value(told, commands, command="find") > 0
    assert value(told, "microblog_database_seconds_sum", command="find") > 0
    assert told["microblog_database_away", frozenset()] == 0
    assert told["microblog_disk_full", frozenset()] == 0
    asked = "microblog_remembered_total"
    assert value(told, asked, what="tokens", found="yes") > 0
    assert value(told, asked, what="tokens", found="no") > 0
    assert value(told, asked, what="pages", found="no") > 0
    assert value(told, asked, what="articles", found="no") == 3
    assert value(told, asked, what="forms", found="no") == 3
    assert told["process_resident_memory_bytes", frozenset()] > 1e7
    assert told["process_cpu_seconds_total", frozenset()] > 0


def test_worker_tells_of_tasks_and_queue(measured: Site) -> None:
    told = read(measured.directory / "worker.log")[1]
    assert value(told, DONE, task="sweep", outcome="done") > 0
    assert value(told, DONE, task="deliver", outcome="done") > 0
    assert value(told, "microblog_tasks_waiting") >= 0
    assert ("microblog_tasks_waiting", frozenset()) in told
    # Of the queue the web server knows nothing, and so says nothing.
    assert ("microblog_tasks_waiting", frozenset()) not in read(measured.log)[1]


def test_nothing_of_a_person_and_no_end_of_paths(measured: Site) -> None:
    def ask(number: int) -> None:
        measured.request("GET", f"/api/users/stranger{number}")
        measured.request("GET", f"/api/nothing/{number}")
        measured.request(f"FETCH{number}", f"/api/{number}")

    ask(0)
    before = len(read(measured.log)[1])
    for number in range(1, 20):
        ask(number)
    text, told = read(measured.log)
    assert len(told) == before
    assert value(told, "microblog_requests_total", method="other") == 20
    for said in ("somebody", "stranger", "nothing", "FETCH", TEXT[2:6]):
        assert said not in text


def test_off_unless_asked_for_and_never_on_the_public_address(app: TestApp) -> None:
    assert settings.Settings().metrics_listen is None
    app.get("/metrics", status=404)


def test_measuring_that_cannot_be_stops_nothing(
    caplog: pytest.LogCaptureFixture, settings: settings.Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        close = metrics.serve(taken.getsockname(), Connection(settings))
    assert "cannot be used" in caplog.text
    close()


def test_database_that_is_away(settings: settings.Settings) -> None:
    """As one is that has not answered yet."""
    told = {one.name: one for one in metrics.Process(Connection(settings)).collect()}
    assert told["microblog_database_away"].samples[0].value == 1


def test_each_process_of_run_has_a_port_of_its_own() -> None:
    values = {"metrics.listen": "127.0.0.1:9464", "http.processes": "3"}
    with patch.dict(os.environ):  # In which it tells the processes what they share.
        processes = _web("site.ini", settings.read(values, environment={}))
    given = [word for one in processes for word in one.command if "metrics" in word]
    assert given == [f"metrics.listen=127.0.0.1:{port}" for port in (9464, 9465, 9466)]


def _asked() -> dict[str, list[str]]:
    """The expressions of the dashboard and of the alarms."""
    board = json.loads((DOCS / "grafana.json").read_text())
    rules = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"][0]["rules"]
    shown = [one["expr"] for panel in board["panels"] for one in panel["targets"]]
    return {"grafana.json": shown, "alerts.yml": [rule["expr"] for rule in rules]}


def _there(measured: Site) -> dict[str, set[str]]:
    """The metrics that a site tells, with the labels of each."""
    found: dict[str, set[str]] = {"up": set()}
    for log in (measured.log, measured.directory / "worker.log"):
        for name, labels in read(log)[1]:
            found.setdefault(name, set()).update(key for key, _value in labels)
        # What has not happened yet has a type, and no value.
        for name in re.findall(r"# TYPE (\S+_total) counter", read(log)[0]):
            found.setdefault(name, {"task"})
    return found


@pytest.mark.parametrize("name", ["grafana.json", "alerts.yml"])
def test_dashboard_and_alarms_ask_for_what_there_is(measured: Site, name: str) -> None:
    there = _there(measured)
    given = {"job", "instance", "le"}  # by Prometheus, and by the kind of a metric
    for expression in _asked()[name]:
        found = METRIC.findall(expression)
        assert found, expression
        labels = re.findall(r"([a-z]+)(?:=~|=)\"", expression)
        labels += re.findall(r"by \(([a-z, ]+)\)", expression)
        for metric in found:
            assert metric in there, expression
            known = there[metric] | given
            assert {one for said in labels for one in said.split(", ")} <= known


def test_every_metric_is_explained(measured: Site) -> None:
    text = read(measured.log)[0] + read(measured.directory / "worker.log")[0]
    told = {one for one in re.findall(r"# TYPE (\S+)", text) if "microblog" in one}
    document = (DOCS / "operations.md").read_text()
    assert told == set(re.findall(r"^\| `(microblog_\w+)` \|", document, re.M))


def test_every_alarm_is_explained() -> None:
    rules = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"][0]["rules"]
    explained = (DOCS / "operations.md").read_text()
    for rule in rules:
        assert f"| `{rule['alert']}` |" in explained


def test_prometheus_understands_the_alarms() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (of Debian's package prometheus) is not installed")
    rules = str(DOCS / "alerts.yml")
    done = subprocess.run(
        [promtool, "check", "rules", rules], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
