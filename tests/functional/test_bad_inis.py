"""Ini files that stop the start, each with one line: the file, the key, the reason."""

from pathlib import Path

import pytest

import microblog
from tests.functional.command import Run

# What stands in [app:main], the key that is named, and the reason.
BAD = {
    "misspelled": ("htp_port = 1", "htp_port", "there is no such setting"),
    "unknown": ("nonsense = 1", "nonsense", "there is no such setting"),
    "of no file": ("site.name_file = x", "site.name_file", "there is no such"),
    "no number": ("http_port = many", "http_port", "valid integer"),
    "part of a number": ("http.threads = 4.5", "http.threads", "valid integer"),
    "too small": ("http.threads = 1", "http.threads", "greater than or equal to 2"),
    "too large": ("http_port = 65536", "http_port", "less than or equal to 65535"),
    "negative": ("mail.hourly = -1", "mail.hourly", "greater than or equal to 0"),
    "no truth": ("http.pin = perhaps", "http.pin", "valid boolean"),
    "no language": ("site.language = fr", "site.language", "'en' or 'de'"),
    "no way of mail": ("mail.tls = ssl", "mail.tls", "'starttls', 'tls' or 'none'"),
    "too long": (f"site.name = {'x' * 81}", "site.name", "at most 80 characters"),
    "no address": ("site.url = blog.test", "site.url", "must look like https://"),
    "address with a path": ("site.url = https://a.test/x", "site.url", "look like"),
    "an example": ("site.url = https://example.org", "site.url", "is an example"),
    "no contact": (
        "site.security_contact = me@a.test",
        "site.security_contact",
        "should match",
    ),
    "no host": ("http.hosts = a.test/x", "http.hosts", "must be names like"),
    "no proxy": ("http.trusted_proxy = a", "http.trusted_proxy", "IPv4 or IPv6"),
    "weak passwords": ("password.minimum = 7", "password.minimum", "equal to 8"),
    "no database": ("mongodb.database = a b", "mongodb.database", "should match"),
    "no MongoDB": ("mongodb.uri = http://a:s@h", "mongodb.uri", "begin with mongodb"),
    "no file": ("mongodb.uri_file = /nowhere", "mongodb.uri_file", "No such file"),
    "a directory": ("mail.password_file = /", "mail.password_file", "Is a directory"),
    "no broker": ("celery.broker_url = x", "celery.broker_url", "begin with one of"),
    "no port": ("metrics.listen = 9464", "metrics.listen", "like 127.0.0.1:9464"),
    "no collector": ("tracing.endpoint = a:1", "tracing.endpoint", "like http://"),
    "half a login": ("mail.username = a", "mail.username", "needs mail.password"),
    "a password in the clear": (
        "mail.username = a\nmail.password = b\nmail.tls = none",
        "mail.tls",
        "in the clear",
    ),
}

# Whole files that are none, and the reason.
BROKEN = {
    "no section": ("http_port = 1\n", "no section headers"),
    "other section": ("[app:other]\nuse = egg:microblog\n", "no section [app:main]"),
    "twice": ("[app:main]\nhttp_port = 1\nhttp_port = 2\n", "'http_port'"),
    "no value": ("[app:main]\nhttp_port\n", "parsing errors"),
    "no UTF-8": (b"[app:main]\nsite.name = \xff\n", "decode"),
    "wrong name": ("[app:main]\ndata_dir = %(there)s\n", "there"),
}


def assert_one_line(said: str, *parts: str) -> None:
    """It is a line that says all this, and no more."""
    assert said.startswith("microblog: ")
    assert said.count("\n") <= 1
    assert len(said) < 400
    for part in parts:
        assert part in said


@pytest.mark.parametrize("name", BAD)
def test_OP_5_setting_that_is_wrong(run: Run, tmp_path: Path, name: str) -> None:
    text, key, reason = BAD[name]
    ini = tmp_path / "bad.ini"
    ini.write_text(f"[app:main]\nuse = egg:microblog\ndata_dir = {tmp_path}\n{text}\n")
    done = run("indexes", ini=ini)
    assert (done.status, done.output) == (1, "")
    assert_one_line(done.errors, "bad.ini", key, reason)
    values = dict(line.split(" = ", 1) for line in text.splitlines())
    with pytest.raises(SystemExit) as ended:
        microblog.main({"__file__": str(ini)}, data_dir=str(tmp_path), **values)
    assert_one_line(str(ended.value), "bad.ini", key, reason)
    assert not (tmp_path / "database").exists()


@pytest.mark.parametrize("name", BROKEN)
def test_OP_5_file_that_is_none(run: Run, tmp_path: Path, name: str) -> None:
    text, reason = BROKEN[name]
    ini = tmp_path / "bad.ini"
    ini.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = run("indexes", ini=ini)
    assert (done.status, done.output) == (1, "")
    assert_one_line(done.errors, "bad.ini", reason)


def test_OP_5_file_that_is_not_there(run: Run, tmp_path: Path) -> None:
    done = run("indexes", ini=tmp_path / "no.ini")
    assert done.status == 1
    assert_one_line(done.errors, "no.ini", "No such file")


def test_OP_5_secret_that_is_wrong_is_not_told(run: Run, tmp_path: Path) -> None:
    ini = tmp_path / "bad.ini"
    ini.write_text("[app:main]\nmongodb.uri = http://a:canary@h\n")
    assert "canary" not in run("indexes", ini=ini).errors
