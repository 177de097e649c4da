"""Rules of this program's own, over its code and its templates, and a piece of code for
each that breaks it."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = sorted((ROOT / "microblog").rglob("*.py"))
# Mails have their styles with them; readers of mail run nothing.
TEMPLATES = sorted(
    one for one in (ROOT / "templates").rglob("*.jinja2") if one.parent.name != "mails"
)

# What pymongo's collections do. `find` is also what modules of the store do.
QUERIES = {
    *("aggregate", "bulk_write", "count_documents", "delete_many", "delete_one"),
    *("distinct", "find_one", "find_one_and_update", "insert_many", "insert_one"),
    *("replace_one", "update_many", "update_one"),
}
SECRET = re.compile(r"password|secret|token|cookie|csrf|\btext\b")

Rule = Callable[[str, ast.AST], bool]


def is_in(name: str, *places: str) -> bool:
    """Whether a file is one of these or in one of these folders."""
    return any(name == one or name.startswith(f"{one}/") for one in places)


def queries(name: str, node: ast.AST) -> bool:
    """Queries stand in the store alone, which knows no request: it is given plain
    values."""
    if is_in(name, "microblog/store", "microblog/database"):
        return False
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    called = node.func.attr
    return called in QUERIES or (called == "find" and is_filter(node))


def is_filter(node: ast.Call) -> bool:
    """Whether something is looked for by a dict."""
    return bool(node.args) and isinstance(node.args[0], ast.Dict)


def requests(name: str, node: ast.AST) -> bool:
    """The store has nothing of a request."""
    return (
        is_in(name, "microblog/store")
        and isinstance(node, ast.Attribute)
        and getattr(node.value, "id", "") == "request"
    )


def regular_expressions(name: str, node: ast.AST) -> bool:
    """The database is asked for no pattern: one text could stop it for minutes."""
    return isinstance(node, ast.Constant) and node.value in {"$regex", "$where"}


def mixed_parameters(name: str, node: ast.AST) -> bool:
    """Query and body are never mixed."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "params"
        and "request" in names(node.value)
    )


def markup(name: str, node: ast.AST) -> bool:
    """HTML that is not escaped is made in one place, of constants."""
    if not isinstance(node, ast.Call) or called(node) != "Markup":
        return False
    constant = len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
    return not (constant and is_in(name, "microblog/markup.py"))


def cookies(name: str, node: ast.AST) -> bool:
    """Cookies are made in one place."""
    elsewhere = not is_in(name, "microblog/cookies.py")
    if isinstance(node, ast.Attribute):
        return elsewhere and node.attr in {"set_cookie", "delete_cookie"}
    return elsewhere and isinstance(node, ast.Constant) and node.value == "Set-Cookie"


def logged_secrets(name: str, node: ast.AST) -> bool:
    """No value goes to the log whose name says that it is nobody's business, and none
    that is part of the message, where it could be anything."""
    if not (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    ):
        return False
    return any(isinstance(one, ast.JoinedStr | ast.BinOp) for one in node.args) or any(
        SECRET.search(one) for value in node.args for one in names(value)
    )


def called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    return getattr(node.func, "attr", "") or getattr(node.func, "id", "")


def names(node: ast.AST) -> Iterator[str]:
    """The names and attributes in an expression."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr


# Each with what breaks it.
RULES: list[tuple[Rule, str, str]] = [
    (queries, "microblog/views/x.py", "db.users.find_one({'_id': request.GET['x']})"),
    (queries, "microblog/views/x.py", "db.users.find({'_id': request.json_body})"),
    (requests, "microblog/store/x.py", "database.users.find(request.json_body)"),
    (regular_expressions, "microblog/store/x.py", "find({'a': {'$regex': text}})"),
    (mixed_parameters, "microblog/views/x.py", "request.params['x']"),
    (markup, "microblog/views/x.py", "Markup('<b>')"),
    (markup, "microblog/markup.py", "Markup(text)"),
    (markup, "microblog/markup.py", "markupsafe.Markup(f'<b>{text}')"),
    (cookies, "microblog/views/x.py", "response.set_cookie('a', 'b')"),
    (cookies, "microblog/views/x.py", "[('Set-Cookie', 'a=b')]"),
    (logged_secrets, "microblog/views/x.py", "log.info('%s', given.password)"),
    (logged_secrets, "microblog/views/x.py", "log.info(f'{anything}')"),
]
IDS = [f"{rule.__name__}{number}" for number, (rule, *_) in enumerate(RULES)]

# In templates: what would let text out of its place, or break the policy of pages.
PATTERNS = {
    "not escaped": (r"\|\s*safe\b|autoescape|\bMarkup\b", "{{ text | safe }}"),
    "handler": (r"<[^>]*\son\w+\s*=", '<p onclick="x()">'),
    "style": (r"<[^>]*\sstyle\s*=|<style", '<p style="color: red">'),
    "script": (r"<script(?![^>]*\ssrc=)", "<script>x()</script>"),
    "javascript": (r"javascript:", '<a href="javascript:x()">'),
    "not quoted": (r"\s[\w-]+=\{\{", "<a href={{ url }}>"),
    "new window": (r"\starget\s*=", '<a href="x" target="_blank">'),
}


def broken(rule: Rule, name: str, code: str) -> list[int]:
    """The lines that break a rule."""
    nodes = ast.walk(ast.parse(code))
    return [getattr(one, "lineno", 0) for one in nodes if rule(name, one)]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, *_ in RULES))
def test_IN_6_OU_1_OP_2_rule_is_kept(rule: Rule) -> None:
    found = {}
    for path in CODE:
        name = path.relative_to(ROOT).as_posix()
        if lines := broken(rule, name, path.read_text(encoding="utf-8")):
            found[name] = lines
    assert not found, rule.__doc__
    assert len(CODE) > 100


@pytest.mark.parametrize(("rule", "name", "code"), RULES, ids=IDS)
def test_rule_finds_what_breaks_it(rule: Rule, name: str, code: str) -> None:
    assert broken(rule, name, code)
    assert not broken(rule, "microblog/store/x.py", "users.find(database, username)")


@pytest.mark.parametrize("what", PATTERNS)
def test_OU_1_OU_2_templates_are_inert(what: str) -> None:
    pattern, breaks_it = PATTERNS[what]
    found = [path.name for path in TEMPLATES if re.search(pattern, path.read_text())]
    assert not found
    assert re.search(pattern, breaks_it)
    assert len(TEMPLATES) > 20
