"""A text gets the same verdict from the form as from the API, on every text that
bad_inputs/ has."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.browsing import Browser
from tests.factories import Api
from tests.functional.bad_inputs import cases

PATH = "/users/alice/microposts/new"
FORM = "application/x-www-form-urlencoded"
TEXTS = {
    label: case.json["text"]
    for file in ("texts", "accepted")
    for label, case in cases.read(file).items()
    if case.send == "POST /api/users/alice/collection"
    and set(case.json or {}) == {"text"}
    and not case.headers
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_IN_5_form_and_api_judge_alike(reader: Browser, alice: Api, text: str) -> None:
    by_api = alice.post("/users/alice/collection", {"text": text})
    csrf = reader.form("/", PATH)["csrf_token"].value
    sent = {"csrf_token": csrf, "text": text, "referenced": "", "key": "1"}
    body = urlencode(sent, errors="surrogatepass")
    by_form = reader.app.post(
        PATH, body, headers={"Content-Type": FORM}, expect_errors=True
    )
    verdicts = (by_api.status_code, by_form.status_code)
    assert verdicts in {(201, 303), (400, 400)}
    stored: list[Any] = [
        one["text"] for one in alice.get("/users/alice/collection").json["result"]
    ]
    if by_api.status_code == 201:
        assert stored == [by_api.json["text"]] * 2
    else:
        assert stored == []


def test_IN_5_there_are_texts_of_both_kinds() -> None:
    assert len(TEXTS) > 40
    assert any("256" in label for label in TEXTS)
    assert any("kept" in label for label in TEXTS)
