"""From a micropost to the mails for those whom it names."""

from datetime import UTC, datetime, timedelta

from microblog.settings import Settings
from microblog.store import Database, Document, ids, mails, notices, shapes, users

EPOCH = datetime.fromtimestamp(0, UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MORNING = timedelta(hours=6)  # UTC, when the digests of a day go out


def announce(database: Database, settings: Settings, id: int) -> bool:
    """Have mailed those whom the micropost names, if that is undone; whether any mail
    is due now. Can be stopped and run again anywhere: nobody is mailed twice."""
    is_due = False
    # Again after an edit in between, which may name somebody else.
    while micropost := notices.untold(database, id):
        for reader in _readers(database, micropost):
            is_due |= _tell(database, settings, reader, id)
        if notices.told(database, micropost):
            break
    return is_due


def _readers(database: Database, micropost: Document) -> list[Document]:
    """The documents of those whom it names, if they want mails."""
    if datetime.now(UTC) - ids.moment(micropost["_id"]) > notices.MAILED:
        return []
    named = users.find_many(database, shapes.named(micropost))
    return [user for user in named.values() if wants(user)]


def wants(user: Document) -> bool:
    """Whether mails reach the user, and may come."""
    reachable = bool(user["email"] and user.get("confirmed"))
    return reachable and user["mails"] != users.NEVER


def _tell(database: Database, settings: Settings, reader: Document, id: int) -> bool:
    """Have the reader mailed; whether that is due now."""
    name = reader["_id"]
    if not (noted := notices.note(database, name, id, reader["mails"])):
        return False
    how, place = noted
    if how == users.AT_ONCE and place < settings.mail_hourly:
        mails.add(
            database,
            f"mention {name} {id}",
            mails.Kind.MENTION,
            to=name,
            microposts=[id],
        )
        return True
    slot, due = _day(id) if how == users.DAILY else _hour(id)
    mails.add_to_digest(database, name, slot, id, due)
    return due <= datetime.now(UTC)


def _hour(id: int) -> tuple[str, datetime]:
    """The micropost's hour, and when it is over."""
    number = notices.hour(id)
    return f"hour {number}", EPOCH + (number + 1) * HOUR


def _day(id: int) -> tuple[str, datetime]:
    """The micropost's day, from morning to morning, and when it is over."""
    number = (ids.moment(id) - EPOCH - MORNING) // DAY
    return f"day {number}", EPOCH + (number + 1) * DAY + MORNING
