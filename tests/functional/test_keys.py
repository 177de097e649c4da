"""Keys that sign, and their rotation: `microblog keys rotate`."""

import pytest

from microblog.errors import BadLink
from microblog.mailing import links
from microblog.store import Database, keys
from tests.browsing import Browser
from tests.factories import Factory
from tests.functional.command import Run


def test_OP_3_what_the_key_before_has_signed_counts(
    run: Run, database: Database
) -> None:
    """Once; after two rotations it is worth nothing."""
    link = links.unsubscribe(database, "alice")
    assert run("keys", "rotate").output == "new keys: links\n"
    assert links.read_unsubscribe(database, link) == "alice"
    newer = links.unsubscribe(database, "alice")
    assert newer != link
    assert run("keys", "rotate").output == "new keys: links\n"
    assert links.read_unsubscribe(database, newer) == "alice"
    with pytest.raises(BadLink):
        links.read_unsubscribe(database, link)


def test_OP_3_rotation_ends_no_login_and_no_form(
    run: Run, reader: Browser, browser: Browser, make: Factory
) -> None:
    mine, visitors = reader.form("/settings"), browser.form("/login")
    assert "forms" in run("keys", "rotate").output
    assert mine.submit().status_code == 303
    visitors["username"] = "nobody_here"
    visitors["password"] = "wrong"
    answer = visitors.submit(expect_errors=True)
    assert "do not belong together" in answer.text
    run("keys", "rotate")
    assert reader.get("/settings").status_code == 200
    # A form that has been open for two rotations is shown again.
    assert "open too long" in visitors.submit(expect_errors=True).text


def test_OP_3_a_browser_stays_known(
    run: Run, reader: Browser, database: Database
) -> None:
    drawn = keys.pair(database, "known")
    run("keys", "rotate")
    assert keys.pair(database, "known")[0] == drawn[-1]
    assert len(keys.pair(database, "known")) == 2


def test_OP_3_nothing_to_rotate(run: Run, database: Database) -> None:
    assert run("keys", "rotate").output == "new keys: none is in use yet\n"


def test_keys_differ_by_name_and_are_drawn_once(database: Database) -> None:
    one, other = keys.find(database, "one"), keys.find(database, "other")
    assert len({one, other}) == 2
    assert len(one) == keys.LENGTH
    assert keys.find(database, "one") == one


@pytest.mark.parametrize("mac", ["", "é", "\ud800", "0" * 64])
def test_what_is_no_mac_fits_nothing(mac: str) -> None:
    pair = [b"before", b"now"]
    assert not keys.fits(pair, "said", mac)
    assert keys.fits(pair, "said", keys.sign(pair, "said"))
    assert keys.fits(pair, "said", keys.sign(pair[:1], "said"))
    assert not keys.fits(pair[1:], "said", keys.sign(pair[:1], "said"))
