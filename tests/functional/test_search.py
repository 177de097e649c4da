"""Search over REST: parts of texts and of usernames."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from microblog.store import Database, bulk, ids, marks, pieces, shapes, users
from tests.factories import Api, Factory
from tests.functional.answers import (
    assert_problem,
    assert_unauthorized,
    joined,
    last,
    page,
    walk,
)


def search(api: Api, text: str, more: str = "") -> list[str]:
    """The texts of the first page of what is found."""
    found = page(api.get(f"/search?text={quote(text)}{more}"))
    return [one["text"] for one in found]


def test_found_microposts_are_whole_and_the_newest_come_first(
    alice: Api, make: Factory
) -> None:
    for author in ("bob", "alice", "carol"):
        make.micropost(author, f"{author} likes kettles")
    make.micropost("alice", "pots and pans")
    found = page(alice.get("/search?text=kettle"))
    assert [one["username"] for one in found] == ["carol", "alice", "bob"]
    assert found == [alice.get(one["href"]).json for one in found]
    oldest = page(alice.get("/search?text=kettle&order=oldest"))
    assert oldest == found[::-1]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("The Kettle", "kettle"),
        ("the kettle", "KETTLE"),
        ("the kettle", "e k"),
        ("the kettle", "the kettle"),
        ("Große Straße", "STRASSE"),
        ("GROSSE STRASSE", "straße"),
        ("Ελλάδα ΣΟΦΟΣ", "σοφος"),
        ("cafe\u0301 noir", "CAFÉ"),
        (
            "snow \U0001f328\ufe0f\U0001f328\ufe0f\U0001f328\ufe0f",
            "\U0001f328\ufe0f\U0001f328",
        ),
        ("two\nlines", "o\nl"),
        ("日本語で書く", "本語で"),
        ("100% a_b", "0% "),
    ],
)
def test_parts_match_without_regard_to_case(
    alice: Api, make: Factory, text: str, part: str
) -> None:
    alice.post("/users/alice/collection", {"text": text})
    make.micropost(text="something else altogether")
    assert len(search(alice, part)) == 1


@pytest.mark.parametrize(
    "part", ["a.c", "a.*", ".*.", "[ab]c", "a|abc", "^abc", "abc$"]
)
def test_IN_3_parts_are_no_patterns(alice: Api, make: Factory, part: str) -> None:
    make.micropost(text="abc abbc")
    assert search(alice, part) == []
    make.micropost(text=f"literally {part} here")
    assert search(alice, part) == [f"literally {part} here"]


def test_all_grams_without_the_part_do_not_match(alice: Api, make: Factory) -> None:
    make.micropost(text="abc bcd")
    assert search(alice, "abcd") == []


@pytest.mark.parametrize("part", ["bob", "BOB", "bo", "b", "ob_", "bob_marley"])
def test_username_matches_by_part_too(alice: Api, make: Factory, part: str) -> None:
    make.micropost("bob_marley", "kettle of bob")
    make.micropost("alice", "kettle of alice and bob")
    make.micropost("bob_marley", "nothing")
    assert search(alice, "kettle", f"&username={part}") == ["kettle of bob"]


def test_empty_username_matches_all(alice: Api, make: Factory) -> None:
    make.micropost(text="kettle")
    assert search(alice, "kettle", "&username=") == ["kettle"]
    assert search(alice, "kettle", "&username=nobody") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "text"),
        ("text=", "text"),
        ("text=ab", "text"),
        ("text=e%CC%81a", "text"),
        ("text=%20%20%20%20", "text"),
        ("text=%E2%80%8B%E2%80%8B%E2%80%8B", "text"),
        ("text=abc%00", "text"),
        ("text=" + "a" * 256, "text"),
        ("text=abc&text=abcd", "text"),
        ("text=abc&username=a.c", "username"),
        ("text=abc&username=" + "a" * 31, "username"),
        ("text=abc&username=%C3%A4", "username"),
        ("text=abc&size=0", "size"),
    ],
)
def test_IN_6_refused_parameters(alice: Api, query: str, field: str) -> None:
    problem = assert_problem(alice.get(f"/search?{query}"), 400, field)
    assert {error["location"] for error in problem["errors"]} == {"querystring"}


def test_query_that_is_not_utf8(alice: Api) -> None:
    assert_problem(alice.get("/search?text=%FF%FF%FF"), 400)


def test_search_needs_a_token(anonymous: Api) -> None:
    assert_unauthorized(anonymous.get("/search?text=abc"))


def test_edits_and_deletions_show_at_once(alice: Api) -> None:
    post = alice.post("/users/alice/collection", {"text": "a kettle"})
    assert search(alice, "kettle") == ["a kettle"]
    alice.patch(post.location, {"text": "a teapot"})
    assert (search(alice, "kettle"), search(alice, "teapot")) == ([], ["a teapot"])
    alice.delete(post.location)
    assert search(alice, "teapot") == []


def test_deleted_authors_are_not_found_before_the_purge(
    alice: Api, make: Factory, database: Database
) -> None:
    make.micropost("bob", "kettle of bob")
    make.micropost("alice", "kettle of alice")
    users.mark_deleted(database, "bob")
    assert search(alice, "kettle") == ["kettle of alice"]


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("size", [1, 4, 25])
def test_walk_there_and_back(alice: Api, make: Factory, order: str, size: int) -> None:
    for n in range(25):
        make.micropost(("alice", "bob")[n % 2], f"kettle & pot №{n}")
    first = f"/search?text={quote('kettle & pot №')}&size={size}&order={order}"
    expected = [f"kettle & pot №{n}" for n in range(25)]
    if order == "newest":
        expected.reverse()
    pages = walk(alice, first)
    assert [one["text"] for one in joined(pages)] == expected
    back = walk(alice, last(alice, first), "previous")
    assert [one["text"] for one in joined(back[::-1])] == expected


def test_numbered_pages_keep_the_username(alice: Api, make: Factory) -> None:
    for n in range(6):
        make.micropost("alice", f"kettle {n}")
        make.micropost("bob", f"kettle of bob {n}")
    answer = alice.get("/search?text=kettle&username=alic&size=2&page=2")
    assert [one["text"] for one in page(answer)] == ["kettle 3", "kettle 2"]
    further = page(alice.get(answer.json["next"]))
    assert [one["text"] for one in further] == ["kettle 1", "kettle 0"]


def test_search_that_reads_too_much_pauses_and_goes_on(
    alice: Api, make: Factory, database: Database
) -> None:
    """A page may be short and name a next one; the match is found all the same."""
    newest = make.micropost(text="abcd today")["id"]
    moments = [ids.moment(newest) - timedelta(hours=n) for n in range(1, 2502)]
    documents = [
        shapes.new_document(ids.at(moment), "alice", f"abc bcd {n}")
        for n, moment in enumerate(moments)
    ]
    documents[-1] = shapes.new_document(documents[-1]["_id"], "alice", "old abcd")
    for piece in pieces(documents, 250):
        bulk.insert(database, "microposts", piece)
    marks.note(database, documents[-1]["_id"], newest)
    pages = walk(alice, "/search?text=abcd")
    assert len(pages) > 1
    assert [one["text"] for one in joined(pages)] == ["abcd today", "old abcd"]
    assert [one["text"] for one in pages[0]] == ["abcd today"]
