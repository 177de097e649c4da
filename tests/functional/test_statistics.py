"""Statistics by the command, on their page, and by the API; counted searches."""

import json
import os
import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from microblog.store import Database, ids, marks, shapes, statistics
from microblog.views.statistics import rounded
from tests.browsing import Browser
from tests.factories import Api, Factory
from tests.functional.answers import assert_problem, assert_unauthorized
from tests.functional.command import Run
from tests.site import Site

DATA = "MICROBLOG_TEST_DATA"  # names a file for `microblog import`
DAY = timedelta(days=1)


@pytest.fixture
def last() -> date:
    """The last day that is over."""
    return statistics.last_finished()


@pytest.fixture
def posted(database: Database, make: Factory, last: date) -> date:
    """Two microposts by alice on each of three days, the last but one of which is not
    counted; the last."""
    make.user("alice")
    for number in range(3):
        noon = ids.of_day(statistics.number(last - number * DAY)) + (1 << 40)
        for id in (noon, noon + 1):
            document = shapes.new_document(id, "alice", "a kettle")
            database.microposts.insert_one(document)
            marks.note(database, id)
    for number in (0, 2):
        statistics.keep(database, last - number * DAY)
    return last


def line(day: date | str, **more: int) -> dict[str, Any]:
    """The figures of a day in JSON."""
    none = dict.fromkeys(statistics.FIGURES, 0)
    return {"date": str(day), **none, **more}


# The command


def test_command_catches_up_and_prints_a_table(run: Run, posted: date) -> None:
    done = run("statistics")
    assert done.status == 0
    head, *lines = done.output.splitlines()
    assert head.split() == ["date", *statistics.FIGURES]
    assert [one.split() for one in lines[:3]] == [
        [str(posted - number * DAY), "2", "0", "1", "0", "0", "0"]
        for number in (2, 1, 0)
    ]
    assert lines[-1].endswith("  so far")
    assert len({len(one) for one in [head, *lines[:3]]}) == 1


def test_command_prints_json_lines(run: Run, posted: date) -> None:
    done = run("statistics", "--since", str(posted), "--json")
    first, *others = map(json.loads, done.output.splitlines())
    assert first == {**line(posted, microposts=2, active=1), "finished": True}
    # Whom the test has made has just joined.
    assert [one["finished"] for one in others] == [False] * len(others) != []
    assert others[-1]["users"] == 1


def test_command_computes_again_what_is_stored(
    run: Run, posted: date, database: Database
) -> None:
    imported = ids.of_day(statistics.number(posted)) + 7
    database.microposts.insert_one(shapes.new_document(imported, "bob", "late"))

    def counted(*options: str) -> int:
        done = run("statistics", "--json", "--since", str(posted), *options)
        return int(json.loads(done.output.splitlines()[0])["microposts"])

    assert [counted(), counted("--again"), counted()] == [2, 3, 3]


@pytest.mark.parametrize("day", ["", "yesterday", "2026-02-30", "24.11.2026", "1"])
def test_command_refuses_a_bad_date(run: Run, day: str) -> None:
    done = run("statistics", "--since", day)
    assert done.status == 2
    assert "Invalid value for '--since'" in done.errors


def test_command_on_an_empty_site(run: Run) -> None:
    done = run("statistics")
    assert done.status == 0
    assert "  so far" in done.output.splitlines()[-1]


def test_command_counts_real_data_as_a_plain_recount_does(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every figure of every day of a file that `microblog import` reads."""
    if DATA not in os.environ:
        pytest.skip(f"{DATA} names no file of JSON Lines to import")
    status, said = site.command("import", os.environ[DATA])
    assert status == 0, said
    begun = time.monotonic()
    status, said = site.command("statistics", "--json")
    seconds = time.monotonic() - begun
    counted = [json.loads(one) for one in said.splitlines() if one.startswith("{")]
    with capsys.disabled():
        print(f"\n{len(counted)} days computed and printed in {seconds:.1f} s")
    lines = Path(os.environ[DATA]).read_bytes().splitlines()
    records = [json.loads(one) for one in lines]
    by_day = recount(records)
    # Users and follows have no time in the file: they are made as it is imported.
    made = [one for one in counted if one["users"] or one["follows"]]
    for one in counted:
        if one not in made:
            assert one == {**line(one["date"], **by_day[one["date"]]), "finished": True}
    for kind, figure in (("user", "users"), ("follow", "follows")):
        found = sum(one[figure] for one in made)
        assert found == sum(1 for record in records if record["kind"] == kind)
    assert len(made) <= 2
    assert by_day.keys() <= {one["date"] for one in counted}


def recount(records: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """How many microposts there are of each day, and how many authors."""
    authors: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record["kind"] == "micropost":
            moment = datetime.fromisoformat(record["timestamp"]).astimezone(UTC)
            authors[str(moment.date())].append(record["username"])
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for day, names in authors.items():
        found[day] = {"microposts": len(names), "active": len(set(names))}
    return found


# The page


def test_page_has_plots_and_a_table(browser: Browser, posted: date) -> None:
    page = browser.get("/statistics").html
    heads = [one.text for one in page.select("thead th")]
    captions = [one.text for one in page.select("figcaption")]
    assert captions == heads[1:]
    rows = [[cell.text for cell in row.select("th, td")] for row in page.select("tr")]
    # What is not counted yet is left out.
    assert rows[1:] == [
        [str(posted - number * DAY), "2", "0", "1", "0", "0", "0"] for number in (0, 2)
    ]
    svg = page.select_one(".plot svg")
    names = [page.find(id=id) for id in svg["aria-labelledby"].split()]
    assert [one.text for one in names] == ["Microposts", "2 to 2 a day"]
    bars = svg.select(".bars path")
    assert [one.text for one in bars] == [
        f"{posted - number * DAY}: 2" for number in (2, 0)
    ]
    assert all(bar["d"].endswith("v-85.0") for bar in bars)
    scale = [str(posted - 29 * DAY), str(posted)]
    assert [one.text for one in svg.select("text")] == ["2", "0", *scale]


@pytest.mark.parametrize("days", [7, 30, 90, 365])
def test_page_of_so_many_days(
    browser: Browser, database: Database, posted: date, days: int
) -> None:
    for number in (days - 1, days):
        statistics.keep(database, posted - number * DAY)
    page = browser.get(f"/statistics?days={days}").html
    (here,) = page.select("main nav [aria-current]")
    assert here["href"] == f"/statistics?days={days}"
    assert page.select("tbody th")[-1].text == str(posted - (days - 1) * DAY)


@pytest.mark.parametrize("query", ["days=8", "days=", "days=7&days=7", "days=%ff"])
def test_IN_6_page_refuses_another_span(browser: Browser, query: str) -> None:
    assert browser.get(f"/statistics?{query}").status_code == 400


def test_page_of_an_empty_site(browser: Browser) -> None:
    page = browser.get("/statistics").html
    assert "nothing here yet" in page.select_one(".empty").text
    assert not page.select("svg.plot, table")


def test_every_page_leads_to_it(browser: Browser) -> None:
    assert browser.get("/login").html.select_one("footer a[href='/statistics']")


@pytest.mark.parametrize(
    ("most", "end"),
    [(0, 1), (1, 1), (7, 7), (10, 10), (11, 20), (99, 100), (101, 200), (812, 900)],
)
def test_scale_ends_with_a_round_number(most: int, end: int) -> None:
    assert rounded(most) == end


# The API


def test_api_answers_the_days_that_are_counted(alice: Api, posted: date) -> None:
    wanted = [line(posted - number * DAY, microposts=2, active=1) for number in (2, 0)]
    assert alice.get("/statistics").json == {"result": wanted}
    one = alice.get(f"/statistics?since={posted}").json
    assert one == alice.get(f"/statistics?since={posted}&until={posted}").json
    assert one == {"result": wanted[1:]}
    until = alice.get(f"/statistics?until={posted - DAY}").json
    assert until == {"result": wanted[:1]}
    assert alice.get(f"/statistics?since={posted + DAY}").json == {"result": []}


def test_api_takes_a_year(alice: Api, posted: date) -> None:
    since = posted - 365 * DAY
    assert len(alice.get(f"/statistics?since={since}").json["result"]) == 2
    answer = alice.get(f"/statistics?since={since - DAY}")
    assert_problem(answer, 400)
    assert answer.json["errors"] == [
        {
            "location": "querystring",
            "name": "",
            "description": "since and until may span 366 days at most",
        }
    ]


@pytest.mark.parametrize(
    ("query", "name", "why"),
    [
        ("since=yesterday", "since", "must be a day like 2026-11-24"),
        ("until=20261124", "until", "must be a day like 2026-11-24"),
        ("since=2026-02-30", "since", "must be a day like 2026-11-24"),
        ("since=1969-12-31", "since", "must not lie before 1970"),
        ("since=2026-11-02&until=2026-11-01", "", "since lies after until"),
    ],
)
def test_IN_6_api_refuses_bad_days(alice: Api, query: str, name: str, why: str) -> None:
    answer = alice.get(f"/statistics?{query}")
    assert_problem(answer, 400)
    (error,) = answer.json["errors"]
    assert (error["name"], error["description"]) == (name, why)


def test_api_is_for_who_has_a_token(anonymous: Api) -> None:
    assert_unauthorized(anonymous.get("/statistics"))


# Searches


def searches(database: Database) -> int:
    """How many are counted today."""
    return sum(one["count"] for one in database.searches.find())


def test_a_search_is_counted_once(
    alice: Api, browser: Browser, make: Factory, database: Database
) -> None:
    make.microposts(25)
    page = alice.get("/search?text=micropost")
    assert searches(database) == 1
    alice.get(page.json["next"])
    alice.get("/search?text=micropost&page=2")
    assert searches(database) == 1
    more = browser.get("/search?text=micropost").html.select_one("a[rel=next]")
    assert searches(database) == 2
    assert browser.get(more["href"]).status_code == 200
    assert searches(database) == 2
    assert browser.get("/search?text=nowhere+to+be+found").status_code == 200
    assert searches(database) == 3


@pytest.mark.parametrize("query", ["", "?text=", "?text=ab", "?text=abc&size=0"])
def test_what_is_no_search_is_not_counted(
    alice: Api, browser: Browser, database: Database, query: str
) -> None:
    alice.get(f"/search{query}")
    browser.get(f"/search{query}")
    assert searches(database) == 0
