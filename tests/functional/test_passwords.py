"""Passwords as those meet them who choose one, and those who guess one."""

import math
import statistics
import time
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from webtest import TestResponse

import microblog
from microblog import passwords
from microblog.settings import SECRETS, Settings
from microblog.store import Database
from tests.browsing import Browser, filled
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem, log_in

ROOT = Path(__file__).parents[2]
EMOJI = "".join(chr(0x1F600 + n) for n in range(64))
GOOD = {
    "of fifteen characters": "fifteen letters",
    "of small letters alone": "correct horse battery staple",
    "of capitals alone": "CORRECTHORSEBATTERYSTAPLE",
    "of digits alone": "836104729501837",
    "of marks alone": "!?;:,.-_#'+*~<>&%",
    "with spaces at its ends": "  quiet lantern there  ",
    "of 64 emoji": EMOJI,
    "of ideographs": "静かな灯籠が川の上を渡っていく夜",
    "of more than 72 bytes": "and then some more of it, " * 3 + "to an end",
    "of 1,000 characters": "".join(str(n) for n in range(1000))[:1000],
    "in another Unicode form": "ein scho\u0308ner langer Satz",
}
BAD = {
    "empty": "",
    "of fourteen characters": "fourteen chars",
    "of fourteen characters of 28 units": EMOJI[:14],
    "of fourteen characters with their marks": "o\u0308" * 7 + "u\u0308" * 7,
    "that many use": "q1w2e3r4t5y6u7i8",
    "that many use, in capitals": "Q1W2E3R4T5Y6U7I8",
    "of one character": "a" * 20,
    "of one piece": "abcabcabcabcabcabc",
    "along the alphabet": "abcdefghijklmnopqr",
    "along the digits, backwards": "09876543210987654321",
    "along the keys": "qwertyuiopasdfghjkl",
    "that is the username": "dora_of_the_lake",
    "with the username in it": "this is dora_of_the_lake, hello",
    "with the username in capitals": "THIS IS DORA_OF_THE_LAKE, HELLO",
    "with the name of the site": "i love microblog so much",
    "with a control character": "here rings a \x07 bell",
    "of 4,200 bytes": "no end to it! " * 300,
}
DORA = "dora_of_the_lake"


def register(api: Api, password: str) -> TestResponse:
    """The answer to a new account of dora's."""
    return api.post("/users", {"username": DORA, "password": password})


@pytest.mark.parametrize("password", GOOD.values(), ids=GOOD)
def test_AU_1_may_be_chosen(anonymous: Api, password: str) -> None:
    """And is then the password, with nothing taken off."""
    assert register(anonymous, password).status_code == 201
    assert log_in(anonymous, DORA, password).status_code == 200
    if password.strip() != password:
        assert_problem(log_in(anonymous, DORA, password.strip()), 400)


@pytest.mark.parametrize("password", BAD.values(), ids=BAD)
def test_AU_1_may_not_be_chosen(
    anonymous: Api, make: Factory, database: Database, password: str
) -> None:
    assert_problem(register(anonymous, password), 400, "password")
    assert database.users.find_one({}) is None
    dora = Api(anonymous.app, make.token(DORA))
    changes = {"password": password, "current_password": PASSWORD}
    assert_problem(dora.patch(f"/users/{DORA}", changes), 400, "password")
    assert log_in(anonymous, DORA, PASSWORD).status_code == 200


def test_AU_1_what_is_too_long_is_not_hashed(
    anonymous: Api, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.user("alice")

    def hashed(*arguments: Any) -> Any:
        raise AssertionError("it was hashed")

    for name in ("hashpw", "checkpw"):
        monkeypatch.setattr(bcrypt, name, hashed)
    long = BAD["of 4,200 bytes"]
    assert_problem(register(anonymous, long), 400, "password")
    assert_problem(log_in(anonymous, "alice", long), 400)


@pytest.mark.parametrize(
    ("chosen", "other"),
    [
        (EMOJI, EMOJI[:-1] + "\U0001f511"),
        (EMOJI[:18] + "x", EMOJI[:18]),  # 73 bytes, 72 bytes
        ("fifteen letters ", "fifteen letters"),
        ("Fifteen letters", "fifteen letters"),
    ],
    ids=["64 emoji", "73 bytes", "space", "capital"],
)
def test_AU_2_all_of_it_counts(
    anonymous: Api, browser: Browser, chosen: str, other: str
) -> None:
    assert register(anonymous, chosen).status_code == 201
    assert_problem(log_in(anonymous, DORA, other), 400)
    assert browser.log_in(DORA, other).status_code == 400
    assert log_in(anonymous, DORA, chosen).status_code == 200
    assert browser.log_in(DORA, chosen).status_code == 303


COST = 9  # A fifth of a second would make the test long; a request is short beside it.
# Who cannot log in, and the password that is tried.
FAILING = {
    "alice": "not the one of alice",
    "carol": PASSWORD,  # disabled
    "dave": PASSWORD,  # has no password
    "erin": PASSWORD,  # whose stored one is damaged
    "frank": "not the one of frank",  # whose stored one is of a lower cost
    "nobody": PASSWORD,
    "$ne": PASSWORD,
}


@pytest.fixture(scope="module")
def dear(settings: Settings) -> Iterator[Any]:
    """The same site, at which a password costs something."""
    update = {"password_cost": COST}
    application = microblog.application(settings.model_copy(update=update))
    application.registry["connection"].wait()
    yield application
    application.registry["connection"].close()


@pytest.fixture
def failing(make: Factory, dear: Any) -> Any:
    """The application, with everybody of FAILING."""
    hashed = passwords.hash(PASSWORD, COST)
    make.user("alice", password=hashed)
    make.user("carol", password=hashed)
    make.database.users.update_one({"_id": "carol"}, {"$set": {"disabled": True}})
    make.user("dave", password=None)
    make.user("erin", password=hashed[:-1])
    make.user("frank", password=passwords.hash(PASSWORD, COST - 3))
    return dear


def test_AU_4_logins_fail_alike(failing: Any) -> None:
    """In status, headers and body, for apps and at the form."""
    seen = []
    for username, password in FAILING.items():
        app = log_in(Api(Browser(failing).app), username, password)
        assert_problem(app, 400)
        form = filled(Browser(failing).form("/login"), username="", password=password)
        sent = {**dict(form.submit_fields()), "username": username}
        page = Browser(failing).app.post("/login", sent, expect_errors=True)
        assert page.status_code == 400
        field = page.html.find(id="username")
        assert field["value"] == username
        field["value"] = ""
        for one in page.html.find_all(attrs={"name": "csrf_token"}):
            one["value"] = ""
        answers = []
        for answer, body in ((app, app.body), (page, str(page.html))):
            headers = dict(answer.headers)
            for name in ("X-Request-Id", "Content-Length"):
                headers.pop(name, None)
            answers.append((answer.status, headers, body))
        seen.append(answers)
    assert all(one == seen[0] for one in seen)


def test_AU_4_logins_fail_with_the_same_work(
    failing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted from the first of the process on: bcrypt's work doubles with its cost."""
    work: dict[str, int] = {}
    for name in ("hashpw", "checkpw"):
        original = getattr(bcrypt, name)

        def counted(password: bytes, salt: bytes, original: Any = original) -> Any:
            work[username] += 2 ** int(salt[4:6])
            return original(password, salt)

        monkeypatch.setattr(bcrypt, name, counted)
    api = Api(Browser(failing).app)
    for username, password in FAILING.items():
        work[username] = 0
        assert_problem(log_in(api, username, password), 400)
    assert work == dict.fromkeys(FAILING, 2**COST)


def test_AU_4_logins_fail_after_the_same_time(failing: Any) -> None:
    api = Api(Browser(failing).app)
    took: dict[str, list[float]] = {username: [] for username in FAILING}
    for _ in range(15):
        for username, password in FAILING.items():
            begun = time.perf_counter()
            log_in(api, username, password)
            took[username].append(time.perf_counter() - begun)
    medians = {one: statistics.median(times) for one, times in took.items()}
    # Without a hash for who is not there it is one to eight.
    assert max(medians.values()) < 2 * min(medians.values()), medians


def likelihood(one: list[float], other: list[float]) -> float:
    """Of ranks as different as these, if chance alone has made them so (Mann and
    Whitney's test, by the normal distribution)."""
    ranked = sorted([(time, 0) for time in one] + [(time, 1) for time in other])
    ranks = sum(n + 1 for n, (_time, which) in enumerate(ranked) if which == 0)
    n, m = len(one), len(other)
    mean, spread = n * (n + m + 1) / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(ranks - mean) / spread / math.sqrt(2))


@pytest.mark.long
def test_AU_4_no_stopwatch_tells_who_is_here(make: Factory, settings: Settings) -> None:
    """Two hundred tries of each, in turn: medians within a twentieth, and ranks that
    chance alone would give. Chance gets a second try."""
    made = microblog.application(settings.model_copy(update={"password_cost": 11}))
    made.registry["connection"].wait()
    make.user("alice", password=passwords.hash(PASSWORD, 11))
    api = Api(Browser(made).app)
    seen = []
    for _ in range(2):
        took: dict[str, list[float]] = {"alice": [], "nobody": []}
        for number in range(400):
            username = ("alice", "nobody")[(number + number // 2) % 2]
            begun = time.perf_counter()
            log_in(api, username, "not the one of alice")
            took[username].append(time.perf_counter() - begun)
        medians = [statistics.median(times) for times in took.values()]
        seen.append((max(medians) / min(medians), likelihood(*took.values())))
        if seen[-1][0] < 1.05 and seen[-1][1] > 0.01:
            break
    made.registry["connection"].close()
    assert seen[-1][0] < 1.05, seen
    assert seen[-1][1] > 0.01, seen


@pytest.mark.parametrize("file", ["development.ini", "production.ini"])
def test_AU_7_no_secret_is_shipped(file: str) -> None:
    shipped = ConfigParser(interpolation=None)
    shipped.read(ROOT / file)
    for key in SECRETS:
        assert shipped["app:main"][key] == shipped["app:main"][f"{key}_file"] == ""
