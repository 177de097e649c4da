"""What moderators, administrators and operators do, each with a line in the audit log:
written before, so that nothing is done that does not stand there."""

from dataclasses import dataclass

from microblog.errors import Conflict, Forbidden, NotFound
from microblog.i18n import _
from microblog.store import (
    Database,
    Document,
    accounts,
    applications,
    audit,
    hidden,
    invitations,
    microposts,
    reports,
    users,
)
from microblog.store.audit import COMMAND_LINE, What
from microblog.usernames import is_username

RANKS = ("", users.MODERATOR, users.ADMINISTRATOR)


@dataclass(frozen=True)
class Moderation:
    """What one of them does: `who` is a username or COMMAND_LINE; `days` is how long
    that is remembered."""

    database: Database
    who: str
    days: int

    def set_role(self, username: str, role: str) -> None:
        """Give a user a role, or none (""). NotFound, Forbidden: oneself."""
        self._user(username)
        self._not_oneself(username)
        self.note(What.ROLE, username, why=role or "none")
        accounts.set_role(self.database, username, role)

    def disable(self, username: str) -> None:
        """Let a user log in no more. NotFound."""
        self._user(username)
        self.note(What.DISABLE, username)
        accounts.disable(self.database, username)

    def enable(self, username: str) -> None:
        """Let a disabled user log in again. NotFound."""
        self._user(username)
        self.note(What.ENABLE, username)
        accounts.enable(self.database, username)

    def suspend(self, username: str, why: str) -> None:
        """Let a user log in no more, who is told why, and nobody see what the user has
        written; reports about the user have ended. NotFound, Forbidden: the user is of
        the same rank or above."""
        user = self._user(username)
        self._below(user)
        # Ended, the suspension would end that too.
        if user.get("disabled") and "suspended" not in user:
            raise Forbidden(_("the account is disabled already"))
        self.note(What.SUSPEND, username, why=why)
        accounts.suspend(self.database, username, self.who, why)
        reports.close_all(self.database, username, What.SUSPEND.value, self.who)

    def restore(self, username: str) -> None:
        """End a suspension. NotFound, Conflict: the user is not suspended. Forbidden:
        as for `suspend`."""
        user = self._user(username)
        if "suspended" not in user:
            raise Conflict(_("the user is not suspended"))
        self._below(user)
        self.note(What.RESTORE, username)
        accounts.enable(self.database, username)

    def hide(self, author: str, id: int, why: str) -> None:
        """Hide a user's micropost; reports about it have ended. NotFound."""
        user = self._user(author)
        if microposts.find(self.database, user, id) is None:
            raise NotFound(_("there is no such micropost"))
        self.note(What.HIDE, author, micropost=id, why=why)
        hidden.hide(self.database, id, self.who, why)
        reports.close(self.database, author, id, What.HIDE.value, self.who)

    def show(self, author: str, id: int) -> None:
        """Show a hidden micropost again. NotFound, Forbidden: it is one's own."""
        held = hidden.find(self.database, id)
        if held is None or held["author"] != author:
            raise NotFound(_("there is no such micropost"))
        self._not_oneself(author)
        self.note(What.SHOW, author, micropost=id)
        hidden.show(self.database, id)

    def dismiss(self, report: Document, why: str) -> None:
        """End a report, and all others about the same, without doing anything.
        Forbidden: it is about oneself."""
        about, micropost = report["about"], report["micropost"]
        self._not_oneself(about)
        self.note(What.DISMISS, about, micropost=micropost, why=why)
        reports.close(self.database, about, micropost, What.DISMISS.value, self.who)

    def approve(self, username: str) -> Document:
        """The new user, who has applied. NotFound, Conflict."""
        self._application(username)
        self.note(What.APPROVE, username)
        user = applications.approve(self.database, username)
        if user is None:
            raise NotFound(_("nobody of that name awaits approval"))
        return user

    def reject(self, username: str, why: str = "") -> None:
        """Remove an application. NotFound."""
        self._application(username)
        self.note(What.REJECT, username, why=why)
        applications.reject(self.database, username)

    def invite(self, *, uses: int, days: int, most: int | None = None) -> str:
        """The secret of a new invitation. Conflict: `most` are good already."""
        invitations.check(self.database, self.who, most)
        self.note(What.INVITE, why=f"{uses} in {days} days")
        return invitations.create(self.database, self.who, uses=uses, days=days)

    def revoke(self, id: str, by: str | None = None) -> None:
        """End an invitation, if it is of this user (None: of anybody). NotFound."""
        if not invitations.is_there(self.database, id, by):
            raise NotFound(_("there is no such invitation"))
        self.note(What.REVOKE, by or "", why=id[:8])
        invitations.revoke(self.database, id)

    def note(
        self, what: What, whom: str = "", *, micropost: int | None = None, why: str = ""
    ) -> None:
        """Write a line of the audit log."""
        audit.note(
            self.database,
            self.who,
            what,
            whom,
            micropost=micropost,
            why=why,
            days=self.days,
        )

    def _user(self, username: str) -> Document:
        user = users.find(self.database, username) if is_username(username) else None
        if user is None:
            raise NotFound(f"there is no user {username!r}")
        return user

    def _application(self, username: str) -> None:
        if not is_username(username) or not applications.find(self.database, username):
            raise NotFound(_("nobody of that name awaits approval"))

    def _not_oneself(self, username: str) -> None:
        if username == self.who:
            raise Forbidden(_("nobody does that to themselves"))

    def _below(self, user: Document) -> None:
        """Forbidden: the user is not below whoever decides this."""
        self._not_oneself(user["_id"])
        # Of operators, users.role says nothing.
        if self.who != COMMAND_LINE and not self._ranks_above(user):
            raise Forbidden(_("that is done only to who has a lower rank"))

    def _ranks_above(self, user: Document) -> bool:
        actor = users.find(self.database, self.who)
        # What the user would be, were the account not disabled.
        rank = users.role({**user, "disabled": False})
        return actor is not None and RANKS.index(users.role(actor)) > RANKS.index(rank)
