"""Whether this process is about to end: new connections are refused, requests that have
begun are finished."""

_begun = False


def begin() -> None:
    """From now on."""
    global _begun
    _begun = True


def is_draining() -> bool:
    """Whether the process is about to end."""
    return _begun
