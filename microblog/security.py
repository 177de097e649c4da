"""Who asks, and what they may do: permissions, identity, the security policy."""

import base64
import binascii
import logging
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pyramid.authorization import ACLHelper, Authenticated, Everyone
from pyramid.request import RequestLocalCache
from pyramid.security import Allowed, Denied

from microblog import cookies, known, passwords
from microblog.errors import BadCredentials, BadToken, Malformed
from microblog.hashing import Aside
from microblog.i18n import _
from microblog.logins import is_still_verified
from microblog.request_log import Event, note
from microblog.store import Document, sessions, tokens, users

log = logging.getLogger(__name__)

API = "/api"
DOCS = "/api/docs"  # a page


class Permission(StrEnum):
    """What may be done; the ACLs of the tree say by whom."""

    SEE_PAGE = "see page"
    LOG_IN = "log in"
    LOG_OUT = "log out"
    READ = "read"
    REGISTER = "register"
    FOLLOW_LINK = "follow link"
    READ_DOCUMENT = "read document"
    GET_TOKEN = "get token"
    END_TOKEN = "end token"
    EDIT_PROFILE = "edit profile"
    CHANGE_SETTINGS = "change settings"
    DELETE_ACCOUNT = "delete account"
    EXPORT = "export"
    POST = "post"
    EDIT = "edit"
    DELETE = "delete"
    READ_TIMELINE = "read timeline"
    FOLLOW = "follow"
    REPORT = "report"
    INVITE = "invite"
    MODERATE = "moderate"
    SEE_TASKS = "see tasks"
    SEE_AUDIT = "see audit"
    SET_ROLE = "set role"


# What an app may do before it says who it is; for the rest it needs a token, reads too.
ANONYMOUS = frozenset(
    {Permission.REGISTER, Permission.GET_TOKEN, Permission.READ_DOCUMENT}
)
# What it may do with a token that only reads; each may end itself.
READING = frozenset(
    {Permission.READ, Permission.READ_TIMELINE, Permission.END_TOKEN, *ANONYMOUS}
)

# Who has a role, as ACLs name them: no usernames, for they have a space. Only where
# one of these permissions is asked for, the store is asked for the role.
MODERATORS, ADMINISTRATORS = "role moderator", "role administrator"
BY_ROLE = frozenset(
    {
        Permission.MODERATE,
        Permission.SEE_TASKS,
        Permission.SEE_AUDIT,
        Permission.SET_ROLE,
    }
)


@dataclass(frozen=True)
class Identity:
    """The user who asks, and the document of the token or session that says so."""

    username: str
    credential: Document

    @property
    def only_reads(self) -> bool:
        """Whether it is an app's that asked for no more."""
        return self.credential.get("scope") == tokens.READ


def is_api(request: Any) -> bool:
    """Whether the request is for the REST API, by its undecoded path."""
    path = request.environ.get("PATH_INFO", "")
    return bool(path == API or (path.startswith(API + "/") and path != DOCS))


class BearerPolicy:
    """Apps: a bearer token in the Authorization header, and nothing else (RFC 6750)."""

    _TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
    # A header that comes twice is joined with a comma by the server.
    _ANOTHER_SCHEME = re.compile(r",\s*[^\s,=]+(\s|$)")
    _IN_QUERY = re.compile(r"(^|&)access_token=")

    def identity(self, request: Any) -> Identity | None:
        """BadToken, Malformed: credentials that cannot be trusted are never
        anonymity."""
        if self._IN_QUERY.search(request.environ.get("QUERY_STRING", "")):
            raise BadToken("a token in an address, which is kept and told, is none")
        header = request.environ.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        if self._ANOTHER_SCHEME.search(header):
            raise Malformed("the Authorization header comes twice")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        if not self._TOKEN.fullmatch(token):
            raise Malformed("the Authorization header is not 'Bearer' and one token")
        document = tokens.find(
            request.database, token, touched=not request.site.site_readonly
        )
        if document is None:
            raise BadToken("the token is unknown, expired or revoked")
        return Identity(document["user"], document)


class CookiePolicy:
    """Browsers: a session that is kept in the store, by the secret in its cookie."""

    def identity(self, request: Any) -> Identity | None:
        """A session that has ended, or never was, is anonymity."""
        secret = cookies.read(request)
        if secret is None:
            return None
        idle = None if request.site.site_readonly else request.site.session_idle
        session = sessions.find(request.database, secret, idle)
        return Identity(session["user"], session) if session else None


class SecurityPolicy:
    """Bearer tokens under /api, the cookie elsewhere, and never the one for the
    other."""

    def __init__(self) -> None:
        self.bearer = BearerPolicy()
        self.cookie = CookiePolicy()
        self.acl = ACLHelper()
        self.cache = RequestLocalCache(self._load)

    def _load(self, request: Any) -> Identity | None:
        policy = self.bearer if is_api(request) else self.cookie
        identity = policy.identity(request)
        if identity:
            note(request, user=identity.username)
        return identity

    def known(self, request: Any) -> Identity | None:
        """Who asks, if that was loaded: for what must not need the database."""
        identity: Identity | None = self.cache.get(request, None)
        return identity

    def is_known(self, request: Any) -> bool:
        """Whether anybody has asked who asks."""
        return self.cache.get(request, self) is not self

    def remember(
        self, request: Any, username: str, *, user: Document
    ) -> list[tuple[str, str]]:
        """Headers that begin a session under a new id, and make the browser known to
        the account; the session before ends. `user`:
        the document whose password was verified. BadCredentials: it changed since."""
        self._end(request)
        secret = sessions.create(
            request.database,
            user,
            idle=request.site.session_idle,
            lifetime=request.site.session_lifetime,
            agent=request.user_agent or "",
        )
        if not is_still_verified(request.database, user):
            sessions.delete(request.database, sessions.digest(secret))
            raise BadCredentials(_("username and password do not belong together"))
        note(request, Event.LOGIN, username)
        return [
            known.header(request, username),
            cookies.set_header(request.site, secret),
        ]

    def forget(self, request: Any, **more: Any) -> list[tuple[str, str]]:
        """Headers that end the session; in the store it ends at once."""
        self._end(request)
        note(request, Event.LOGOUT)
        return [cookies.clear_header(request.site)]

    def _end(self, request: Any) -> None:
        if secret := cookies.read(request):
            sessions.delete(request.database, sessions.digest(secret))

    def identity(self, request: Any) -> Identity | None:
        """Who asks; loaded once a request."""
        identity: Identity | None = self.cache.get_or_create(request)
        return identity

    def authenticated_userid(self, request: Any) -> str | None:
        """The username of who asks."""
        identity = self.identity(request)
        return identity.username if identity else None

    def permits(self, request: Any, context: Any, permission: str) -> Allowed | Denied:
        """What the ACLs say."""
        identity = self.identity(request)
        username = identity.username if identity else None
        if identity and identity.only_reads and permission not in READING:
            return Denied("the token only reads")
        principals = [Everyone]
        if username is not None:
            principals += [Authenticated, username]
        if permission in BY_ROLE and (role := role_of(request)):
            principals += [MODERATORS, f"role {role}"]
        return self.acl.permits(context, principals, permission)


def role_of(request: Any) -> str:
    """The role of who asks, as the store has it now; "": none."""
    identity = request.identity
    user = identity and users.find(request.database, identity.username)
    return users.role(user) if user else ""


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Username and password of an `Authorization: Basic` header (RFC 7617, UTF-8).

    None: another scheme. Malformed: Basic, but unreadable.
    """
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise Malformed("the Authorization header is not valid Basic") from None
    username, colon, password = pair.partition(":")
    if not colon:
        raise Malformed("the Authorization header is not valid Basic")
    return username, password


def includeme(config: Any) -> None:
    """The policy, which asks the ACLs of the tree; `request.known`: its identity, if
    that was loaded."""
    # Half of the threads for who writes are left to who does not log in.
    passwords.aside = Aside(config.registry["settings"].http_writing_threads // 2)
    policy = SecurityPolicy()
    config.set_security_policy(policy)
    config.add_request_method(policy.known, "known", property=True)
    config.add_request_method(policy.is_known, "is_known", property=True)
