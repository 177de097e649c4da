"""How far a command has come."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click


def shown(name: str, items: Iterable[Any], length: int | None) -> Iterator[Any]:
    """The items, with a progress bar on a terminal."""
    bar: Any = click.progressbar(
        items,
        length=length,
        label=name.ljust(12),
        file=sys.stderr,
        show_pos=True,
        update_min_steps=100,
    )
    with bar:
        yield from bar
