"""What a request must not wait for, done by Celery in a process of its own.

A task takes ids, may run twice, and is never the only one to know what is to be done:
that stands with the data, where the periodic task `sweep` finds what is left undone.
"""

from typing import Any

from microblog.tasks.sender import Sender


def includeme(config: Any) -> None:
    """`request.later(name, *arguments)`: hands a task over, and waits for nothing;
    `request.soon`: so, but once for many alike within a second."""
    sender = Sender(config.registry["settings"])
    config.registry["sender"] = sender
    config.add_request_method(lambda request: sender.send, "later", property=True)
    config.add_request_method(lambda request: sender.send_once, "soon", property=True)
