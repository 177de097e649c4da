"""Loaded stores, kept under var/bench/ and used again while nothing about them changes.

A base holds the users and follows; each size is a copy of it with microposts. What is
measured runs on a copy of that, so that no run changes what the next one finds.
"""

import hashlib
import importlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from microblog import text as grammar
from microblog.store import follows, names, shapes, users
from tests.bench import people
from tests.bench.processes import Site, all_cores

FOLDER = Path("var/bench").absolute()
# Raised by hand when what a store should hold changes and no document tells.
VERSION = "2"
USERS = 2000
LOADED = ("users", "names", "follows", "microposts")
FULL_PAGE = 20


class Stores:
    """The stores of one run."""

    def __init__(self, data: Path | None, much: int, fresh: bool):
        """`data`: a folder with make_jsonl.py; `much`: followers of the most followed;
        `fresh`: load again what is there."""
        self.data, self.much, self.fresh = data, much, fresh
        self.folder = FOLDER / "stores"
        self.folder.mkdir(parents=True, exist_ok=True)

    def load(self, size: int) -> dict[str, Any]:
        """What is known of the store of a size, which is loaded if it has to be: its
        `bytes`, its `tag`, `authors`, `words` and `people`."""
        with all_cores():
            return self._kept(str(size), lambda: self._load(size))

    def copy(self, size: int) -> Path:
        """A copy to measure on; the one before is gone."""
        target = FOLDER / "run" / str(size)
        shutil.rmtree(target, ignore_errors=True)
        return Path(shutil.copytree(self.folder / str(size), target))

    def _kept(self, name: str, make: Any) -> dict[str, Any]:
        stamp, file = self._stamp(name), self.folder / f"{name}.json"
        if not self.fresh and file.exists():
            facts: dict[str, Any] = json.loads(file.read_text())
            if facts["stamp"] == stamp:
                return facts
        file.unlink(missing_ok=True)
        shutil.rmtree(self.folder / name, ignore_errors=True)
        print(f"loading the store {name}", file=sys.stderr)
        began = time.monotonic()
        facts = {"stamp": stamp, **make()}
        facts["seconds"] = time.monotonic() - began
        facts["bytes"] = _bytes_on_disk(self.folder / name / "data" / "database")
        file.write_text(json.dumps(facts))
        print(f"  took {facts['seconds']:.0f} s", file=sys.stderr)
        return facts

    def _stamp(self, name: str) -> str:
        program = Path(self._program()[-1])
        if not program.exists():
            program = Path(__file__).parent / "generator.py"
        said = [VERSION, name, str(USERS), str(self.much), _shape()]
        parts = [program.read_bytes(), Path(people.__file__).read_bytes()]
        return hashlib.sha256(repr((said, parts)).encode()).hexdigest()

    def _program(self) -> list[str]:
        if self.data is not None:
            return [sys.executable, str(self.data / "make_jsonl.py")]
        return [sys.executable, "-m", "tests.bench.generator"]

    def _records(self, posts: int, name: str, wanted: tuple[str, ...]) -> Path:
        """The generator's lines of the kinds `wanted`, in a file."""
        file = self.folder / f"{name}.jsonl"
        arguments = ["--users", str(USERS), "--posts", str(posts)]
        made = subprocess.run(
            [*self._program(), *arguments], capture_output=True, check=True
        )
        kinds = [f'"{kind}"' for kind in wanted]
        with open(file, "w", encoding="utf-8") as lines:
            for line in made.stdout.decode().splitlines(keepends=True):
                if any(kind in line[:25] for kind in kinds):
                    lines.write(line)
        return file

    def _load_base(self) -> dict[str, Any]:
        records = self._records(0, "base", ("user", "follow"))
        site = Site(self.folder / "base")
        try:
            print(site.command("import", str(records)).strip(), file=sys.stderr)
            usernames = [
                record["username"]
                for record in map(json.loads, records.read_text().splitlines())
                if record["kind"] == "user"
            ]
            people.add(site.database, usernames, self.much)
        finally:
            site.stop()
        return {"people": usernames}

    def _load(self, size: int) -> dict[str, Any]:
        base = self._kept("base", self._load_base)
        records = self._records(size, str(size), ("micropost",))
        shutil.copytree(self.folder / "base", self.folder / str(size))
        site = Site(self.folder / str(size))
        try:
            print(site.command("import", str(records)).strip(), file=sys.stderr)
        finally:
            site.stop()
        return {"people": base["people"], **_facts(records)}


def _facts(records: Path) -> dict[str, Any]:
    """What the jobs ask for: who writes, the most used tag, words to be searched."""
    written: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for line in records.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        written[record["username"]] += 1
        tags.update(set(grammar.tags(record["text"])))
        words.update(re.findall(r"\b[a-z]{5}\b", record["text"]))
    full = [name for name, count in written.most_common() if count >= FULL_PAGE]
    return {
        "authors": full
        if len(full) >= 200
        else [n for n, _ in written.most_common(200)],
        "tag": tags.most_common(1)[0][0],
        "words": sorted(words),
    }


def _shape() -> str:
    """What the store makes of data: its indexes and an example of each document."""
    modules = [importlib.import_module(f"microblog.store.{name}") for name in LOADED]
    indexes = [[index.document for index in module.INDEXES] for module in modules]
    user = users.new_document("alice", name="Alice") | {"joined": 1, "created": None}
    link = follows.new_document("alice", "bob") | {"at": 1, "day": 1}
    micropost = shapes.new_document(1 << 40, "alice", "The #quick fox, @bob")
    reference = shapes.reference(micropost)
    return repr([indexes, user, names.document(user), link, micropost, reference])


def _bytes_on_disk(directory: Path) -> int:
    return sum(
        file.stat().st_blocks * 512 for file in directory.rglob("*") if file.is_file()
    )
