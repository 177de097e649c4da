"""Marks: where the ids of all microposts begin and end, about."""

from microblog.store import Database, Document, marks


def known(database: Database) -> Document:
    """The marks that are there."""
    document = marks.microposts(database)
    assert document is not None
    return document


def test_none_before_the_first(database: Database) -> None:
    assert marks.microposts(database) is None


def test_the_first_is_noted_on_both_sides(database: Database) -> None:
    marks.note(database, 500)
    noted = known(database)
    assert (noted["oldest"], noted["newest"], marks.latest(noted)) == (500, 500, [])


def test_an_older_one_is_noted_at_once(database: Database) -> None:
    """Of a clock that is behind, or a retry under an id drawn before."""
    marks.note(database, 500)
    marks.note(database, 499)
    assert (known(database)["oldest"], known(database)["newest"]) == (499, 500)


def test_marks_only_widen(database: Database) -> None:
    marks.note(database, 100, 900)
    marks.note(database, 200, 800)
    assert (known(database)["oldest"], known(database)["newest"]) == (100, 900)
    marks.note(database, 50, 950)
    assert (known(database)["oldest"], known(database)["newest"]) == (50, 950)
