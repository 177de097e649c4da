"""What a client should not send is refused with the right status, changes nothing, and
the next request is served."""

from typing import Any

import pytest

from microblog.settings import Settings
from tests.functional.bad_inputs import cases
from tests.functional.bad_inputs.cases import ENDPOINTS, Case
from tests.functional.bad_inputs.world import World

# Methods that no standard knows are among what is sent.
pytestmark = pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")

REFUSED = [
    "usernames",
    "bodies",
    "values",
    "content_types",
    "texts",
    "queries",
    "paths",
    "headers",
    "methods",
    "conditions",
]


def parameters(*files: str) -> Any:
    """Every case of the files as a parameter of a test."""
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, id=f"{file}: {label}")
            for file in files
            for label, case in cases.read(file).items()
        ],
    )


@pytest.fixture(scope="module")
def site(application: Any, settings: Settings) -> World:
    """The site, made once: it is the same after every request."""
    return World(application, settings)


@pytest.fixture
def world(site: World) -> World:
    """The site as it was made."""
    site.restore()
    return site


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_endpoint_takes_the_good_request_that_bad_ones_are_made_of(
    world: World, name: str
) -> None:
    good = {**ENDPOINTS[name], "status": ENDPOINTS[name].get("answered", 200)}
    known = {key: value for key, value in good.items() if key in cases.NAMES}
    world.accepts(Case(**known))


@parameters(*REFUSED)
def test_bad_input_is_refused_and_changes_nothing(world: World, case: Case) -> None:
    world.refuses(case)


@parameters("accepted")
def test_unusual_input_is_served(world: World, case: Case) -> None:
    world.accepts(case)
