"""The grammar of usernames, and names that nobody may take."""

import pytest
from pyramid.config import Configurator

from microblog import usernames, views
from microblog.errors import ConfigurationError
from microblog.security import Permission


@pytest.mark.parametrize("name", ["a", "user00042", "_", "a" * 30, "al_ice"])
def test_may_be_taken(name: str) -> None:
    assert usernames.checked(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a" * 31, "Alice", "alice\n", "al ice", "\u0430lice", "a\u00b2", "a\0", "a-b"],
)
def test_are_no_usernames(name: str) -> None:
    assert not usernames.is_username(name)
    with pytest.raises(ValueError, match="must be 1 to 30"):
        usernames.checked(name)


@pytest.mark.parametrize("name", ["admin", "adm1n", "r00t", "_search_", "login"])
def test_are_reserved(name: str) -> None:
    with pytest.raises(ValueError, match="reserved"):
        usernames.checked(name)


@pytest.mark.parametrize("pair", [("alice", "a1ice"), ("bob", "b0b"), ("a_b", "ab")])
def test_look_alikes_are_one(pair: tuple[str, str]) -> None:
    assert usernames.fold(pair[0]) == usernames.fold(pair[1])


def test_names_of_underscores_alone_stay_apart() -> None:
    assert usernames.fold("_") != usernames.fold("__")


def test_every_view_and_child_is_reserved(application: object) -> None:
    config = Configurator(registry=application.registry)  # type: ignore[attr-defined]
    views.check_names(config)


def test_unreserved_view_stops_the_start() -> None:
    config = Configurator()
    config.add_view(lambda request: None, name="zebra")
    config.commit()
    with pytest.raises(ConfigurationError, match="'zebra' is an address"):
        views.check_names(config)


def test_every_view_names_a_permission(application: object) -> None:
    """Nothing is public by omission; what is open to all is named here."""
    config = Configurator(registry=application.registry)  # type: ignore[attr-defined]
    unnamed, found = set(), 0
    for item in config.introspector.get_category("views"):
        view, found = item["introspectable"], found + 1
        permissions = {
            related["value"]
            for related in item["related"]
            if related.category_name == "permissions"
        }
        if not permissions & set(Permission):
            unnamed.add(getattr(view["callable"], "__module__", ""))
    assert found > 30
    assert unnamed <= {
        "cornice.pyramidhook",  # its fallback answers 405
        "microblog.views.errors",
        "microblog.views.health",
        "microblog.views.seed",
        "microblog.views.static",
        "pyramid.httpexceptions",  # of Pyramid itself: a response is its own view
        "pyramid.static",
    }


def test_IN_4_what_is_typed_is_lowered_only_in_our_alphabet() -> None:
    assert usernames.typed(" ALICE ") == "alice"
    # The Kelvin sign, which is k in lower case.
    assert usernames.typed("\u212aelvin") == "\u212aelvin"
