"""What tests ask of answers: problem details, the links of pages, whole walks."""

import re
from typing import Any

from webtest import TestResponse

from tests.factories import Api

OTHER_PASSWORD = "seven green kettles whistling"
LINK = re.compile(r'<([^<>]+)>; rel="(next|previous)"')


def assert_problem(
    answer: TestResponse, status: int, field: str | None = None
) -> dict[str, Any]:
    """The problem details of a failure (RFC 9457); `field`: the wrong one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json
    expected = {"type", "title", "status", "detail", "instance"}
    assert expected <= set(problem) <= expected | {"errors"}
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    for error in problem.get("errors", []):
        assert set(error) == {"location", "name", "description"}
        assert error["description"]
    if field is not None:
        assert field in [error["name"] for error in problem["errors"]]
    return problem


def assert_unauthorized(answer: TestResponse) -> None:
    """401, and how to do better."""
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def page(answer: TestResponse) -> list[dict[str, Any]]:
    """The items of a page whose Link header says the same as its body."""
    assert answer.status_code == 200, answer.text
    assert set(answer.json) == {"next", "previous", "result"}
    links = {name: url for url, name in LINK.findall(answer.headers.get("Link", ""))}
    assert links.get("next") == answer.json["next"]
    assert links.get("previous") == answer.json["previous"]
    found: list[dict[str, Any]] = answer.json["result"]
    return found


def walk(api: Api, path: str, link: str = "next") -> list[list[dict[str, Any]]]:
    """The pages from `path` on, by the addresses that they give."""
    address: str | None = path
    pages = []
    while address:
        answer = api.get(address)
        pages.append(page(answer))
        address = answer.json[link]
        assert len(pages) < 100
    return pages


def last(api: Api, path: str) -> str:
    """The address of the last page from `path` on."""
    while address := api.get(path).json["next"]:
        path = address
    return path


def joined(pages: list[list[Any]]) -> list[Any]:
    """The items of all pages, in order."""
    return [item for page in pages for item in page]


def log_in(api: Api, username: str, password: str) -> TestResponse:
    """The answer to asking for a token."""
    return api.post("/token", {"username": username, "password": password})
