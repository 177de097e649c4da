"""Apps and browsers, in any order, with any text: what the one side has done the other
side shows, and both take and refuse the same."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from microblog import text as grammar
from microblog.settings import Settings
from tests.functional.bad_inputs.cases import Case
from tests.functional.bad_inputs.world import World, assert_failure

pytestmark = pytest.mark.usefixtures("untraced")

USERS = st.sampled_from(["alice", "bob"])
SIDES = st.sampled_from(["app", "browser"])
NUMBERS = st.integers(0, 9)
anything = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
WHOM = st.sampled_from(["alice", "bob", "gone", "nobody", "Alice", "@@", "", "a\0"])
TEXTS = (
    st.sampled_from(["a" * 255, "a" * 256, "", " ", "\ufeff", "e\u0301" * 255])
    | st.sampled_from(["a\r\nb\u2028c", "a\0b", "\ud800", "\x1b[31m", "\u202ea"])
    | st.text(st.characters(), max_size=40)
)


def kept(text: str) -> str | None:
    """The text as it is stored; None: it cannot be a micropost."""
    try:
        return grammar.checked(text)
    except ValueError:
        return None


class AnyOrder(RuleBasedStateMachine):
    """Two users, each in a browser and with an app, and what must be there by now."""

    def __init__(self, application: Any, site: Settings):
        super().__init__()
        self.world = World(application, site)
        self.sent = 0
        # Of each user ids and texts, the newest first.
        self.posted = {
            name: [(self.world.words[word], "hello")]
            for name, word in (("alice", "{id}"), ("bob", "{bobs}"))
        }
        self.following = {"alice": {"bob"}, "bob": set[str]()}

    def teardown(self) -> None:
        self.world.close()

    def send(self, send: str, user: str, **more: Any) -> Any:
        """The answer, which is none of a mistake."""
        case = Case(send, 0, user, **more)
        answer = self.world.send(case)
        assert answer.status_code < 500
        if answer.status_code >= 400:
            assert_failure(case, answer)
        return answer

    def read(self, path: str, user: str) -> Any:
        """A page of the API."""
        return self.send(f"GET /api{path}", user).json["result"]

    @rule(user=USERS, side=SIDES, text=TEXTS)
    def post(self, user: str, side: str, text: str) -> None:
        self.sent += 1
        if side == "app":
            json = {"text": text}
            answer = self.send(f"POST /api/users/{user}/collection", user, json=json)
            assert answer.status_code == (400 if kept(text) is None else 201)
        else:
            form = {"text": text, "key": f"key {self.sent}"}
            answer = self.send(f"POST /users/{user}/microposts/new", user, form=form)
            assert answer.status_code == (400 if kept(text) is None else 303)
        if (stored := kept(text)) is not None:
            newest = self.read(f"/users/{user}/collection?size=1", user)[0]
            self.posted[user].insert(0, (newest["id"], stored))

    @rule(user=USERS, side=SIDES, number=NUMBERS, text=TEXTS)
    def edit(self, user: str, side: str, number: int, text: str) -> None:
        if not self.posted[user]:
            return
        number %= len(self.posted[user])
        id = self.posted[user][number][0]
        path = f"/api/users/{user}/collection/{id}"
        if side == "app":
            answer = self.send(f"PATCH {path}", user, json={"text": text})
            assert answer.status_code == (400 if kept(text) is None else 200)
        else:
            form = {"text": text, "rev": self.send(f"GET {path}", user).etag}
            path = f"/users/{user}/microposts/{id}/edit"
            answer = self.send(f"POST {path}", user, form=form)
            assert answer.status_code == (400 if kept(text) is None else 303)
        if (stored := kept(text)) is not None:
            self.posted[user][number] = (id, stored)

    @rule(user=USERS, side=SIDES, number=NUMBERS)
    def delete(self, user: str, side: str, number: int) -> None:
        if not self.posted[user]:
            return
        id, _text = self.posted[user].pop(number % len(self.posted[user]))
        if side == "app":
            answer = self.send(f"DELETE /api/users/{user}/collection/{id}", user)
            assert answer.status_code == 204
        else:
            path = f"/users/{user}/microposts/{id}/delete"
            assert self.send(f"POST {path}", user, form={}).status_code == 303

    @rule(user=USERS, side=SIDES, whom=WHOM)
    def follow(self, user: str, side: str, whom: str) -> None:
        if side == "app":
            json = {"username": whom}
            answer = self.send(f"POST /api/users/{user}/following", user, json=json)
        else:
            path = f"/users/{user}/following/{whom.replace(chr(0), '%00')}/follow"
            answer = self.send(f"POST {path}", user, form={})
        known = whom in self.following and whom != user
        assert (answer.status_code < 400) == known
        if known:
            self.following[user].add(whom)

    @rule(user=USERS, side=SIDES, whom=USERS)
    def unfollow(self, user: str, side: str, whom: str) -> None:
        if side == "app":
            answer = self.send(f"DELETE /api/users/{user}/following/{whom}", user)
        else:
            path = f"/users/{user}/following/{whom}/unfollow"
            answer = self.send(f"POST {path}", user, form={})
        assert answer.status_code in {204, 303}
        self.following[user].discard(whom)

    @invariant()
    def both_sides_show_it(self) -> None:
        for user, posted in self.posted.items():
            texts = [text for _id, text in posted]
            listed = self.read(f"/users/{user}/collection?size=100", user)
            assert [(one["id"], one["text"]) for one in listed] == posted
            page = BeautifulSoup(
                self.send(f"GET /users/{user}?size=100", "").text, "html.parser"
            )
            assert [one.text for one in page.select(".micropost .text")] == texts
            following = self.read(f"/users/{user}/following", user)
            assert {one["username"] for one in following} == self.following[user]
            counted = self.send(f"GET /api/users/{user}", user).json
            assert counted["microposts"] == len(posted)
            assert counted["following"] == len(self.following[user])


def test_IN_1_any_order_of_any_input_on_both_sides(
    application: Any, settings: Settings
) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: AnyOrder(application, settings), settings=anything
    )
