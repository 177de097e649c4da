"""The files by which the site is set up: every file, command, setting and port that
they name is there."""

import ast
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml
from webtest import TestApp

from microblog import settings
from microblog.commands import cli
from microblog.errors import ConfigurationError
from tests.judges.programs import find

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
DOCUMENT = ROOT / "docs" / "deployment.md"
KEYS = settings._keys()
VARIABLES = {settings.variable(key): key for key in KEYS}
# Instructions, each on a line of its own once lines that go on are joined.
DOCKERFILE = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text()).splitlines()


def instructions(name: str) -> list[str]:
    """What follows the name of an instruction of the Dockerfile."""
    lines = [line.strip() for line in DOCKERFILE]
    return [line.split(" ", 1)[1] for line in lines if line.startswith(f"{name} ")]


def compose() -> dict[str, Any]:
    """compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def assert_is_program(words: list[str]) -> None:
    """It is one that the package installs, and knows what it is asked."""
    name = Path(words[0]).name
    assert name in {one.name for one in entry_points(group="console_scripts")}
    config = words[2] if name == "microblog" else words[1]
    assert config == "/etc/microblog/production.ini"
    if name == "microblog":
        assert words[1] == "-c"
        assert words[3] in cli.commands
    for word in words[2:] if name == "pserve" else []:
        assert word.partition("=")[0] in KEYS


def assert_are_settings(environment: dict[str, str]) -> None:
    """Every variable is one, and its value can be used."""
    ours = {
        name: value.replace("%i", "6543")
        for name, value in environment.items()
        if name.startswith("MICROBLOG_") or name in VARIABLES
    }
    assert set(ours) <= set(VARIABLES)
    settings.read({}, environment=ours)


def outcome(environment: dict[str, str]) -> str:
    """The settings, or why there are none."""
    try:
        return str(settings.read({}, environment=environment))
    except ConfigurationError as error:
        return error.detail


def test_every_setting_comes_from_the_environment() -> None:
    """What is no value for it is refused under its name; what is one is taken."""
    nothing = outcome({})
    for variable, key in VARIABLES.items():
        if not key.endswith("_file"):
            read = outcome({variable: "7"})
            assert read != nothing, key
            assert not read.startswith("settings: ") or key in read


def test_image_is_made_of_what_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored
    for words in instructions("COPY"):
        if words.startswith("--from"):
            continue
        for source in words.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, one) for one in kept), source
    assert kept == [one for one in kept if (ROOT / one).exists()]
    installed = " ".join(instructions("RUN"))
    assert "--require-hashes --no-deps -r requirements.txt" in installed
    for image in instructions("FROM"):
        assert re.fullmatch(r"[a-z]+:[\w.-]*\d[\w.-]*( AS \w+)?", image), image


def test_image_runs_as_nobody_in_particular_and_is_probed(app: TestApp) -> None:
    (user,), (port,) = instructions("USER"), instructions("EXPOSE")
    assert int(user) > 0
    assert f"--uid {user} " in " ".join(instructions("RUN"))
    assert int(port) == settings.Settings().http_port
    (command,), (check,) = instructions("CMD"), instructions("HEALTHCHECK")
    assert_is_program(ast.literal_eval(command))
    probe = ast.literal_eval(check.partition("CMD ")[2])
    compile(probe[2], "probe", "exec")
    url = re.search(r"http://127.0.0.1:(\d+)(/\w+)", probe[2])
    assert url
    assert url[1] == port
    app.get(url[2], status=200)
    given = dict(re.findall(r"(\w+)=(\S+)", " ".join(instructions("ENV"))))
    assert_are_settings(given)


def test_compose_names_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compose()
    services = found["services"]
    for name, one in services.items():
        assert set(one.get("depends_on", {})) <= set(services), name
        assert set(one["networks"]) <= set(found["networks"]), name
        for volume in one.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_file(), source
            elif not source.startswith("$"):
                assert source in found["volumes"], source
        environment = dict(one.get("environment", {}))
        if environment:
            environment["MICROBLOG_SITE_URL"] = "https://blog.test"
            assert_are_settings(environment)
        if one.get("image") == "microblog" and "command" in one:
            assert_is_program(one["command"])
    # No one but nginx can be reached, and it has the address that is trusted.
    assert [name for name, one in services.items() if "ports" in one] == ["nginx"]
    trusted = services["web1"]["environment"]["MICROBLOG_HTTP_TRUSTED_PROXY"]
    assert services["nginx"]["networks"]["front"]["ipv4_address"] == trusted
    assert found["networks"]["data"]["internal"] is True


def test_compose_names_its_members_alike() -> None:
    services = compose()["services"]
    uri = services["web1"]["environment"]["MICROBLOG_MONGODB_URI"]
    members = re.findall(r"mongo\d", uri)
    assert members == [name for name in services if re.fullmatch(r"mongo\d", name)]
    made = (ROOT / "deploy" / "compose" / "replica-set.js").read_text()
    assert re.findall(r'"(mongo\d)"', made) == members
    (name,) = re.findall(r'_id: "(\w+)"', made)
    assert uri.endswith(f"?replicaSet={name}")
    for member in members:
        assert services[member]["command"][1:3] == ["--replSet", name]
    front = (ROOT / "deploy" / "compose" / "nginx.conf").read_text()
    webs = [name for name in services if name.startswith("web")]
    assert re.findall(r"server (\w+):6543;", front) == webs


def test_nginx_of_compose(tmp_path: Path) -> None:
    """`nginx -t`, with names and certificates of this machine."""
    openssl, nginx = find("openssl"), find("nginx")
    pair = tmp_path / "key.pem", tmp_path / "certificate.pem"
    options = [
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "rsa:2048",
        "-subj",
        "/CN=blog.test",
    ]
    files = ["-keyout", str(pair[0]), "-out", str(pair[1])]
    subprocess.run([openssl, *options, *files], check=True, capture_output=True)
    conf = (ROOT / "deploy" / "compose" / "nginx.conf").read_text()
    for old, new in (
        ("/etc/nginx/certificates/fullchain.pem", str(pair[1])),
        ("/etc/nginx/certificates/privkey.pem", str(pair[0])),
        ("server web1:", "server 127.0.0.1:"),
        ("server web2:", "server 127.0.0.2:"),
        # Of nginx from 1.25.1 on; this machine's may be older.
        ("    http2 on;\n", ""),
    ):
        assert old in conf
        conf = conf.replace(old, new)
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{conf}\n}}\n")
    words = [nginx, "-t", "-q", "-p", str(tmp_path), "-c", str(whole)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def locations(path: str) -> list[str]:
    """What an nginx file says of each location, without its comments."""
    text = re.sub(r"\s*#.*", "", (ROOT / path).read_text())
    return re.findall(r"location [^}]+}", text)


def test_both_nginx_files_serve_alike() -> None:
    served = locations("docs/nginx.conf")
    assert len(served) == 2
    assert locations("deploy/compose/nginx.conf") == served


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_name_what_is_there(path: Path) -> None:
    unit = path.read_text()
    (command,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert_is_program(command.split())
    assignments = re.findall(r"^Environment=(\w+)=(.+)$", unit, re.MULTILINE)
    assert_are_settings(dict(assignments))
    stop = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert stop
    assert int(stop[1]) > settings.Settings().http_drain_seconds


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify`, with the programs of this virtual environment."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze")
    names = []
    for path in (ROOT / "deploy" / "systemd").iterdir():
        names.append(path.name.replace("@.", "@6543."))
        here = path.read_text().replace("/opt/microblog", sys.prefix)
        (tmp_path / names[-1]).write_text(here)
    words = [analyze, "verify", "--man=no", *(f"./{name}" for name in sorted(names))]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "microblog" not in done.stderr


def test_document_names_what_is_there() -> None:
    text = DOCUMENT.read_text()
    for variable in re.findall(r"\b(MICROBLOG_\w+[A-Z])\b", text):
        assert variable in VARIABLES, variable
    for key in re.findall(r"`([a-z]+\.(?!pem)[a-z_]+)`", text):
        assert key in KEYS or (ROOT / key).exists(), key
    for path in re.findall(r"\]\(([^)#]+)\)", text):
        assert (DOCUMENT.parent / path).exists(), path
    for path in re.findall(r"\b((?:deploy|tests)/[\w/.]+\w)", text):
        if path != "deploy/compose/certificates":
            assert (ROOT / path).exists(), path
    commands = re.findall(r"microblog -c \S+ ([a-z]+)", text)
    assert len(commands) >= 3
    for command in commands:
        assert command in cli.commands, command
