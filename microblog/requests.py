"""The request: Pyramid's, with all that the parts of the program have added to it.

Pyramid makes a class anew for each request, to add to it what was asked for by
`add_request_method`. Here that is done once, when the application is made.
"""

from typing import Any

from pyramid.interfaces import IRequestExtensions, IRequestFactory
from pyramid.request import Request


def _make_class(config: Any) -> None:
    extensions = config.registry.queryUtility(IRequestExtensions)
    added = {**extensions.methods, **extensions.descriptors}
    # Reified attributes are of the request, not of its environment.
    factory = type("Request", (Request,), added)
    config.registry.registerUtility(factory, IRequestFactory)
    extensions.methods.clear()
    extensions.descriptors.clear()


def includeme(config: Any) -> None:
    """When everything else is included."""
    config.action(None, _make_class, args=(config,), order=9999)
