"""Schemathesis: requests that follow the document of the API, and requests that do not,
for every operation. `make schemathesis` installs it and runs this."""

import importlib
import os
import pkgutil
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from microblog import openapi, usernames, views
from tests.browser.world import World
from tests.factories import PASSWORD

schemathesis = pytest.importorskip(
    "schemathesis", reason="`make schemathesis` installs it, and runs this"
)
checks = importlib.import_module("schemathesis.checks")
SchemathesisConfig = importlib.import_module("schemathesis.config").SchemathesisConfig

CASES = int(os.environ.get("CASES", "200"))  # made up for an operation
LIMITS = (
    *("login", "login_network", "login_account", "login_all"),
    *("mail", "mail_network", "search", "post", "follow", "register"),
    *("export", "report", "download"),
)
# Why a request is refused that breaks no schema: what a schema cannot say.
BEYOND = re.compile(
    "page and cursor exclude each other|since lies after until|may span 366 days"
    "|must not lie before 1970|there is no such|is your own|is wrong|is reserved"
    "|characters at least|is too long|many people use|a sequence or"
    "|must not contain the username"
    "|is only for a new password|must look like name@example.org"
    "|and password are needed|do not belong together|If-Match names|If-None-Match names"
    "|came with another request"
)
REFUSALS = [400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 422, 429, 431, "5xx"]
CONFIGURATION = SchemathesisConfig.from_dict(
    {
        "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}},
        # The token is ours to send; with it in place, no case is wrong for lack of it.
        "generation": {"with-security-parameters": False},
    }
)

for module in pkgutil.iter_modules(views.__path__):
    importlib.import_module(f"microblog.views.{module.name}")
schema = schemathesis.openapi.from_dict(
    openapi.document("http://localhost", "microblog"), config=CONFIGURATION
)


class Fuzzed(World):
    """A site with alice, who sends everything but what would end her."""

    numbers = count(1)

    def fill(self) -> None:
        """What valid requests are about."""
        self.tokens = {name: self.register(name) for name in ("alice", "bob")}
        self.post()
        path, body = "/api/users/alice/export", {"password": PASSWORD}
        assert self.request("POST", path, body, self.tokens["alice"])[0] == 202

    def post(self) -> None:
        """A micropost of alice's that is there."""
        path, token = "/api/users/alice/collection", self.tokens["alice"]
        status, answer = self.request("POST", path, {"text": "Here I am"}, token)
        assert status == 201
        self.id = answer["id"]

    def aim(self, case: Any) -> str:
        """Let what is valid in a case name what is there; the token to send it with."""
        case.path_parameters = places = dict(case.path_parameters or {})
        token = self.tokens["alice"]
        if usernames.is_username(places.get("username")):
            places["username"] = "alice"
            if case.operation.definition.raw["operationId"] in {"user_delete"}:
                places["username"], token = self.guest()
        elif case.operation.definition.raw["operationId"] == "token_delete":
            token = self.guest()[1]
        if usernames.is_username(places.get("name")):
            places["name"] = "bob"
        if re.fullmatch("[1-9][0-9]{0,18}", str(places.get("id", ""))):
            places["id"] = self.id
        if isinstance(case.body, dict):
            for name in ("referenced", "username"):
                if usernames.is_username(case.body.get(name)) and places:
                    case.body[name] = "bob"
        return token

    def guest(self) -> tuple[str, str]:
        """A new user, who may leave."""
        username = f"guest{next(self.numbers)}"
        return username, self.register(username)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    """The site, running."""
    off = "\n".join(f"limits.{name} = 0" for name in LIMITS)
    site = Fuzzed(tmp_path_factory.mktemp("fuzzed"), off)
    site.start()
    worker = site.start_worker()
    try:
        site.fill()
        yield site
    finally:
        worker.terminate()
        worker.wait()
        site.stop()


@pytest.mark.long
@schema.parametrize()
@settings(
    max_examples=CASES, deadline=None, database=None, suppress_health_check=HealthCheck
)
def test_IN_1_every_case_of_every_operation(case: Any, fuzzed: Fuzzed) -> None:
    headers = {"Authorization": f"Bearer {fuzzed.aim(case)}"}
    response = case.call(base_url=f"{fuzzed.url}/api", headers=headers)
    beyond = response.status_code in {400, 412, 422} and BEYOND.search(response.text)
    excluded = [checks.CHECKS.get_one("positive_data_acceptance")] if beyond else []
    case.validate_response(response, headers=headers, excluded_checks=excluded)
    if case.method == "DELETE" and response.status_code == 204:
        fuzzed.post()
