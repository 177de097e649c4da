"""What a test sees of a `microblog` command."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Done:
    """What became of a command."""

    status: int
    output: str
    errors: str


Run = Callable[..., Done]
