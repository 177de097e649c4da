"""Static files: which of them are there."""

from pathlib import Path

import pytest
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from microblog.views.static import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A directory with a file, a directory, and links inside and to what is beside."""
    (tmp_path / "secret").write_text("secret")
    inside = tmp_path / "static"
    (inside / "below").mkdir(parents=True)
    (inside / "file.css").write_text("a {}")
    (inside / "below" / "index.html").write_text("<p>")
    (inside / "link.css").symlink_to("file.css")
    (inside / "out.css").symlink_to("../secret")
    (inside / "out").symlink_to(tmp_path)
    (inside / "nowhere.css").symlink_to("nothing")
    (inside / "round.css").symlink_to("round.css")
    return Files(str(inside), use_subpath=True)


def ask(files: Files, path: str) -> bytes:
    """The file at /static/`path`."""
    request = Request.blank(f"/static/{path}")
    request.subpath = tuple(part for part in path.split("/") if part not in {"", "."})
    body: bytes = files(None, request).body
    return body


@pytest.mark.parametrize("path", ["file.css", "link.css", "below/index.html"])
def test_file_is_read(files: Files, path: str) -> None:
    assert ask(files, path)
    assert ask(files, path)


@pytest.mark.parametrize(
    "path",
    [
        *("out.css", "out/secret", "nowhere.css", "round.css", "nothing.css", ""),
        *(
            "below",
            "below/",
            "out",
            ".",
            "file.css/",
            "./file.css",
            "below//index.html",
        ),
        "a" * 5000,
    ],
)
def test_IN_1_what_is_no_file_of_the_directory_is_not_found(
    files: Files, path: str
) -> None:
    for _again in range(2):
        with pytest.raises(HTTPNotFound):
            ask(files, path)
    assert files.filemap == {}
