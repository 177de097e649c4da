"""From the data files beside this one to single requests.

A file is a list of groups. A group multiplies `requests` (or every endpoint, every
field of each, every page: `at`) with `values`, which stand for `<>` in a request, and
says what must come of them. What a request can say is listed in `Case`.
A request of a group can be `without` some of its values.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

HERE = Path(__file__).parent
PLACE = "<>"

Data = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One request, and the answer that it must get."""

    send: str  # method and percent-encoded target
    status: int
    # Whose token goes with it, or, to a page, whose session; "": nobody's.
    user: str = "alice"
    json: Any = None  # the body, or
    form: Data | None = None  # the fields of a form beside its token, or
    body: str | None = None  # the body, in `encoding`
    encoding: str = "latin-1"  # so that every byte can be written
    pad: int = 0  # bytes that spaces fill the body up to
    headers: Data = field(default_factory=dict)
    # The name of the first of `errors`; on a page, of a field that is marked.
    error: str | None = None
    shows: str | None = None  # the text that is then at the top of the user's page
    answer: Data = field(default_factory=dict)  # part of the JSON answered
    answer_headers: Data = field(default_factory=dict)


def load(name: str) -> Any:
    """The data of a file."""
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


ENDPOINTS: dict[str, Data] = load("endpoints")
PAGES = {
    label: endpoint for label, endpoint in ENDPOINTS.items() if endpoint.get("page")
}
BODIES = {
    label: endpoint for label, endpoint in ENDPOINTS.items() if "json" in endpoint
}
FORMS = {label: endpoint for label, endpoint in ENDPOINTS.items() if "form" in endpoint}


def good(name: str) -> Case:
    """A request that the endpoint serves."""
    return _case(ENDPOINTS[name], "")


def read(name: str) -> dict[str, Case]:
    """The cases of a file, by labels that say what each is."""
    cases: dict[str, Case] = {}
    for group in load(name):
        for where, request in _requests(group):
            for what, value in group.get("values", {"": ""}).items():
                if what in request.get("without", ()):
                    continue
                label = " - ".join(filter(None, [group["group"], where, what]))
                assert label not in cases, label
                cases[label] = _case(request, _expanded(value))
    assert cases
    return cases


def _requests(group: Data) -> Iterator[tuple[str, Data]]:
    """The requests of a group, by label."""
    common = {name: group[name] for name in _NAMES & set(group)}
    at = group.get("at")
    if at is None:
        for label, request in group["requests"].items():
            yield label, {**common, **request}
    elif at == "every page":
        for label, page in PAGES.items():
            mark = "&" if "?" in page["send"] else "?"
            yield label, {"send": page["send"] + mark + group["query"], **common}
    elif at == "every form":
        for label, endpoint in FORMS.items():
            bare = urlencode(endpoint["form"], safe="{}")
            members = "&".join(filter(None, [bare, "csrf_token={csrf}"]))
            both = {"members": members, "bare": bare}
            yield label, {**endpoint, **both, **common}
    else:
        for name, endpoint in BODIES.items():
            excepted = group.get("except", [])
            for label, request in _of_endpoint(at, name, endpoint, excepted):
                yield label, {**request, **common}


def _of_endpoint(
    at: str, label: str, endpoint: Data, excepted: list[str]
) -> Iterator[tuple[str, Data]]:
    good = endpoint["json"]
    if at == "every body":
        body = json.dumps(good)[1:-1]
        yield label, {**endpoint, "members": body, "json": None}
    elif at == "every body with one more":
        yield label, {**endpoint, "json": {**good, PLACE: 1}, "error": PLACE}
    elif at == "every required field":
        for name in endpoint.get("required", []):
            rest = {key: value for key, value in good.items() if key != name}
            yield f"{label}, {name}", {**endpoint, "json": rest, "error": name}
    elif at == "every field":
        for name in [name for name in good if name not in excepted]:
            changed = {**good, name: PLACE}
            member = json.dumps({name: good[name]})[1:-1]
            yield (
                f"{label}, {name}",
                {
                    **endpoint,
                    "json": changed,
                    "error": name,
                    "members": json.dumps(good)[1:-1],
                    "member": member,
                    "spelled": f'"\\u{ord(name[0]):04x}' + member[2:],
                },
            )
    else:
        raise ValueError(at)


def _expanded(value: Any) -> Any:
    """A long value is written as {"times": 300, "of": "x"}, a deep one as
    {"around": 300, "open": "[", "close": "]"}."""
    if isinstance(value, dict) and "times" in value:
        return value["of"] * value["times"]
    if isinstance(value, dict) and "around" in value:
        times, inside = value["around"], value.get("inside", "")
        return value["open"] * times + inside + value["close"] * times
    return value


def _case(request: Data, value: Any) -> Case:
    request = deepcopy(request)
    text = value if isinstance(value, str) else ""
    if request.get("body") is not None:
        for name in ("members", "member", "spelled", "bare"):
            place = f"<{name}>"
            request["body"] = request["body"].replace(place, request.get(name, ""))
        request["json"] = request["form"] = None
    send = request["send"].replace("<raw>", text)
    if PLACE in send:
        send = send.replace(PLACE, quote(text, safe="", errors="surrogatepass"))
    request["send"] = send
    for name in ("json", "form", "body", "headers", "answer", "error", "shows"):
        if name in request:
            request[name] = _filled(request[name], value)
    request.setdefault("status", request.get("answered", 200))
    return Case(**{name: request[name] for name in _NAMES & set(request)})


def _filled(template: Any, value: Any) -> Any:
    """The template with `value` for each of its places."""
    if template == PLACE:
        return value
    if isinstance(template, dict):
        return {_filled(k, value): _filled(v, value) for k, v in template.items()}
    if isinstance(template, str) and isinstance(value, str):
        return template.replace(PLACE, value)
    return template


_NAMES = {one.name for one in fields(Case)}
