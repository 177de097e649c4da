"""What Pyramid itself reaches: the smallest application of the same build that answers
constants.

    python -m tests.bench.ceiling FOLDER

FOLDER holds page.json, micropost.json and page.html, answers of the real site. The
application has a resource tree with ACLs, a security policy that asks them, a Cornice
service with `traverse=`, a renderer by orjson and a Jinja2 template, and is served by
`microblog.server`; no store, no validation.
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
from cornice import Service
from pyramid.authorization import DENY_ALL, ACLHelper, Allow, Authenticated, Everyone
from pyramid.config import Configurator

from microblog import server
from microblog.settings import Settings

TEMPLATE = "ceiling.jinja2"


class Node:
    """A node of the tree; anything has any child."""

    def __init__(self, parent: Any, name: str):
        self.__parent__, self.__name__ = parent, name

    def __getitem__(self, name: str) -> "Node":
        return BELOW[type(self)](self, name)

    def __acl__(self) -> list[Any]:
        return [
            (Allow, Everyone, "see"),
            (Allow, Authenticated, "read"),
            DENY_ALL,
        ]


class Root(Node):
    """The root: root → users → user → microposts → micropost."""

    def __init__(self, request: Any):
        super().__init__(None, "")


class Users(Node):
    """All users."""


class User(Node):
    """A user."""


class Microposts(Node):
    """The microposts of a user."""


class Micropost(Node):
    """A micropost."""


BELOW = {Root: Users, Users: User, User: Microposts, Microposts: Micropost}


class Policy:
    """Whoever shows a token is somebody; the ACLs say the rest."""

    def __init__(self) -> None:
        self.acl = ACLHelper()

    def identity(self, request: Any) -> str | None:
        """The token."""
        found: str | None = request.environ.get("HTTP_AUTHORIZATION")
        return found

    authenticated_userid = identity

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        """What the ACLs say."""
        principals = [Everyone]
        if (somebody := self.identity(request)) is not None:
            principals += [Authenticated, somebody]
        return self.acl.permits(context, principals, permission)


class Renderer:
    """JSON by orjson."""

    def __init__(self, info: Any):
        pass

    def __call__(self, value: Any, system: dict[str, Any]) -> bytes:
        system["request"].response.content_type = "application/json"
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _service(config: Any, name: str, path: str, tree: str, constant: bytes) -> None:
    """A Cornice service that answers the constant, which orjson copies as it is."""
    answer = orjson.Fragment(constant.rstrip(b"\n"))
    service = Service(
        name=name, path=path, factory=Root, traverse=tree, renderer="orjson"
    )
    service.add_view("GET", lambda request: answer, permission="read")
    config.add_cornice_service(service)


def application(folder: Path) -> Any:
    """The application that answers what `folder` holds."""
    collection, tree = "/api/users/{user}/collection", "/users/{user}/microposts"
    page = (folder / "page.html").read_text()
    with Configurator(root_factory=Root) as config:
        config.add_settings({"handle_exceptions": False})
        config.include("cornice")
        config.include("pyramid_jinja2")
        config.add_jinja2_search_path(str(Path(__file__).parent))
        config.set_security_policy(Policy())
        config.add_renderer("orjson", Renderer)
        constant = (folder / "page.json").read_bytes()
        _service(config, "collection", collection, tree, constant)
        constant = (folder / "micropost.json").read_bytes()
        _service(config, "micropost", collection + "/{id}", tree + "/{id}", constant)
        config.add_view(
            lambda request: {"page": page},
            context=User,
            permission="see",
            renderer=TEMPLATE,
        )
        return config.make_wsgi_app()


def main() -> None:
    """Serve it on a free port, as the site is served."""
    served = application(Path(sys.argv[1]))
    nothing = SimpleNamespace(close=lambda: None)
    served.registry["settings"] = Settings(http_host="127.0.0.1", http_port=0)
    served.registry["connection"] = served.registry["sender"] = nothing
    server.run(served)


if __name__ == "__main__":
    main()
