"""Forms with a file, which are read from the disk piece by piece."""

import os
import tempfile
from dataclasses import dataclass
from typing import IO, Any

import multipart
from pyramid.httpexceptions import HTTPForbidden, HTTPRequestEntityTooLarge

from microblog.errors import Invalid, Unavailable
from microblog.i18n import _
from microblog.server.parsing import LARGEST_UPLOAD, UPLOADS

MULTIPART = "multipart/form-data"
PIECE = 1 << 16  # bytes
MOST_PARTS = 4
LONGEST_FIELD = 4096  # bytes


@dataclass(frozen=True)
class Upload:
    """A file as a browser sends it, removed when the request ends."""

    name: str
    file: IO[bytes]
    size: int


def is_one(request: Any) -> bool:
    """Whether the request is of a form with a file, where there may be one."""
    content_type = request.environ.get("CONTENT_TYPE", "").partition(";")[0]
    asked = request.method, request.environ.get("PATH_INFO")
    return asked == UPLOADS and content_type.strip().lower() == MULTIPART


def read(request: Any) -> tuple[dict[str, str], Upload | None]:
    """The fields of the form, and its file. Invalid: it cannot be read."""
    if (request.content_length or 0) > LARGEST_UPLOAD:
        raise HTTPRequestEntityTooLarge(f"the body may have {LARGEST_UPLOAD} bytes")
    # Not for strangers, whose form would be refused after that.
    if request.identity is None:
        raise HTTPForbidden
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
    request.add_finished_callback(lambda request: file.close())
    try:
        return _read(request, file)
    except multipart.MultipartError:
        raise Invalid.field("", _("the form cannot be read")) from None
    except UnicodeDecodeError:
        raise Invalid.field("", _("is not UTF-8")) from None
    except OSError:
        raise Unavailable(_("there is no room left for more just now")) from None


def _read(request: Any, file: IO[bytes]) -> tuple[dict[str, str], Upload | None]:
    fields: dict[str, bytes] = {}
    found: multipart.MultipartSegment | None = None
    segment: multipart.MultipartSegment | None = None
    for event in _events(request):
        if isinstance(event, multipart.MultipartSegment):
            segment = event
            if segment.filename is None and segment.name not in fields:
                fields[segment.name] = b""
            elif segment.filename is not None and found is None:
                found = segment
            else:
                raise multipart.MultipartError("a name is given twice")
        elif event and segment is found:
            file.write(event)
        elif event and segment:
            fields[segment.name] += event
            if len(fields[segment.name]) > LONGEST_FIELD:
                raise multipart.MultipartError("a field is too long")
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    typed = {name: value.decode() for name, value in fields.items()}
    # Where no file was chosen, browsers send an empty one without a name.
    chosen = found is not None and bool(found.filename or size)
    return typed, Upload(found.filename or "", file, size) if chosen and found else None


def _events(request: Any) -> Any:
    """Segments, their content, and None at the end of each."""
    _kind, options = multipart.parse_options_header(request.environ["CONTENT_TYPE"])
    stream = request.environ["wsgi.input"]
    with multipart.PushMultipartParser(
        options.get("boundary", ""),
        content_length=request.content_length or 0,
        max_segment_count=MOST_PARTS,
        strict=True,
    ) as parser:
        left = request.content_length or 0
        while not parser.closed:
            piece = stream.read(min(PIECE, left))
            left -= len(piece)
            yield from parser.parse(piece)
            if not piece:
                return
