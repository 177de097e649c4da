"""Settings: typed, checked, refused with file, key and reason."""

import configparser
from pathlib import Path

import pytest

import microblog
from microblog import settings
from microblog.errors import ConfigurationError
from microblog.settings import Settings

ROOT = Path(__file__).parents[2]
INIS = ["development.ini", "production.ini"]


def keys(name: str) -> dict[str, str]:
    parser = configparser.ConfigParser(defaults={"here": str(ROOT)})
    parser.read(ROOT / name)
    found = dict(parser["app:main"])
    del found["use"], found["here"]
    return found


@pytest.mark.parametrize("name", INIS)
def test_shipped_files_are_valid(name: str) -> None:
    assert settings.read(keys(name), environment={}).data_dir == ROOT / "var"


def test_shipped_files_have_every_key() -> None:
    one, other = (set(keys(name)) for name in INIS)
    assert one == other
    assert {key for key in one if not key.startswith("pyramid.")} == set(
        settings._keys()
    )


def test_shipped_files_hold_the_defaults_and_no_secret() -> None:
    shipped = settings.read(keys("development.ini"), environment={})
    assert shipped == Settings(data_dir=ROOT / "var")
    for name in INIS:
        assert keys(name)["mongodb.uri"] == ""


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("htp_port", "1", "there is no such setting"),
        ("http_port", "many", "integer"),
        ("http_port", "70000", "65535"),
        ("http.threads", "1", "greater than or equal to 2"),
        ("site.url", "example.org", "must look like https://example.org"),
        ("site.url", "ftp://example.org", "must look like"),
        ("site.name", "x" * 81, "80"),
        ("http.hosts", "example.org blog.example/x", "must be names like"),
        ("http.trusted_proxy", "localhost", "not appear to be an IPv4 or IPv6 address"),
        ("mongodb.uri", "localhost", "must begin with mongodb"),
        ("mongodb.database", "a b", "pattern"),
        ("password.minimum", "7", "greater than or equal to 8"),
        ("password.cost", "3", "greater than"),
        ("token.lifetime", "1e9", "integer"),
        ("mongodb.uri_file", "/nowhere/secret", "No such file"),
    ],
)
def test_wrong_value_is_refused(key: str, value: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        settings.read({key: value}, environment={}, source="site.ini")
    assert error.value.detail.startswith(f"site.ini: {key}: ")
    assert reason in error.value.detail
    assert "\n" not in error.value.detail


def test_AU_3_cheap_hash_is_refused_where_others_come() -> None:
    public = {"site.url": "https://example.org", "password.cost": "11"}
    with pytest.raises(ConfigurationError, match=r"password\.cost must be at least 12"):
        settings.read(public, environment={}, source="site.ini")
    assert settings.read({**public, "password.cost": "12"}, environment={})


def test_secret_is_not_shown() -> None:
    read = settings.read({"mongodb.uri": "mongodb://a:secret@host"}, environment={})
    assert "secret" not in repr(read)
    with pytest.raises(ConfigurationError) as error:
        settings.read({"mongodb.uri": "http://a:secret@host"}, environment={})
    assert "secret" not in error.value.detail


def test_environment_overrides_the_file_and_the_command_line_both() -> None:
    ini = {"http_port": "1", "data_dir": "ini", "site.name": "ini"}
    environment = {"HTTP_PORT": "2", "DATA_DIR": "env", "MICROBLOG_SITE_NAME": "env"}
    read = settings.read(ini, {"http_port": "3"}, environment)
    assert (read.http_port, str(read.data_dir), read.site_name) == (3, "env", "env")


def test_uri_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "uri").write_text("mongodb://host/\n")
    read = settings.read({"mongodb.uri_file": str(tmp_path / "uri")}, environment={})
    assert read.mongodb_uri.get_secret_value() == "mongodb://host/"


@pytest.mark.parametrize(
    ("ini", "url"),
    [
        ({}, "http://localhost:6543"),
        ({"http_port": "80"}, "http://localhost:80"),
        ({"site.url": "https://example.org/"}, "https://example.org"),
    ],
)
def test_address_of_the_site(ini: dict[str, str], url: str) -> None:
    assert settings.read(ini, environment={}).url == url


def test_settings_of_other_libraries_pass() -> None:
    assert settings.read({"pyramid.reload_templates": "true"}, environment={})


def test_start_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        SystemExit, match=r"microblog: site\.ini: nonsense: there is no"
    ):
        microblog.main({"__file__": str(tmp_path / "site.ini")}, nonsense="1")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "site.ini: Value error, mail.username needs mail.password"),
        (
            {"mail.password": "x", "mail.tls": "none"},
            "site.ini: Value error, mail.tls: none would send mail.password in the",
        ),
    ],
)
def test_password_for_mails_is_needed_and_kept_secret(
    more: dict[str, str], reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        settings.read({"mail.username": "m", **more}, environment={}, source="site.ini")
