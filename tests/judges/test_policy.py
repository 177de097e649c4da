"""csp_evaluator: no way around the content security policy is known."""

from tests.browser.world import Answer, World
from tests.judges.conftest import Judge

POLICY = "Content-Security-Policy"
# 'self' can be problematic if one hosts JSONP or what users upload. Neither is here.
SELF = {"directive": "script-src", "value": "'self'", "severity": 50}


def test_policy_of_pages(ask: Judge, pages: dict[str, Answer]) -> None:
    (policy,) = {sent.headers[POLICY] for sent in pages.values()}
    (finding,) = ask("policy.cjs", policy)
    assert finding | SELF == finding


def test_policy_of_the_api(ask: Judge, world: World) -> None:
    headers = world.fetch("/api/users/alice").headers
    assert ask("policy.cjs", headers[POLICY]) == []
