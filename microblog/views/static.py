"""Static files, which are there to be read."""

from os.path import isfile
from pathlib import Path
from typing import Any

from pyramid.config import not_
from pyramid.httpexceptions import HTTPMethodNotAllowed, HTTPNotFound
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.static import static_view
from pyramid.view import view_config

from microblog.pages import HERE, YEAR

# Pyramid's name for the route of `add_static_view("static", …)`.
ROUTE = {"route_name": "__static/", "permission": NO_PERMISSION_REQUIRED}
READING = ("GET", "HEAD")


class Files(static_view):
    """Pyramid's view, but that each file has one address, that nothing else has one,
    and that what is not there is not remembered: there is no end of it."""

    def get_resource_name(self, request: Any) -> str:
        """Where the file would be. HTTPNotFound: there can be none."""
        if request.path_info != "/static/" + "/".join(request.subpath):
            raise HTTPNotFound
        name: str = super().get_resource_name(request)
        return name

    def get_possible_files(self, resource_name: str) -> list[Any]:
        """The file, if there is one."""
        files: list[Any] = super().get_possible_files(resource_name)
        if not files:
            self.filemap.pop(resource_name, None)
        return files

    def find_resource_path(self, name: str) -> str | None:
        """The path of the file. None: there is none, or a link leads elsewhere."""
        if not isfile(name):
            return None
        real = Path(name).resolve()
        return name if real.is_relative_to(Path(self.docroot).resolve()) else None

    def add_slash_redirect(self, request: Any) -> Any:
        """A directory has no address, with a slash or without."""
        return HTTPNotFound()


_files = Files(str(HERE / "static"), cache_max_age=YEAR, use_subpath=True)


@view_config(**ROUTE, request_method=READING)
def read_file(context: Any, request: Any) -> Any:
    """A file."""
    return _files(context, request)


@view_config(**ROUTE, request_method=not_(READING))
def refuse(request: Any) -> Any:
    """405: Pyramid's own view would answer any method with the file."""
    raise HTTPMethodNotAllowed(allow=READING)
