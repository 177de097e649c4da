"""What stands at the same address on every site."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response

from microblog.i18n import LANGUAGES
from microblog.pages import page
from microblog.resources.well_known import WellKnown

EXPIRY_DAYS = 180  # the RFC wants less than a year


@page(context=WellKnown, name="security.txt")
def security(request: Any) -> Response:
    """Whom to tell of a hole (RFC 9116)."""
    site = request.site
    if not site.site_security_contact:
        raise HTTPNotFound
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    expires = today + timedelta(days=EXPIRY_DAYS)
    lines = [
        f"Contact: {site.site_security_contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {', '.join(LANGUAGES)}",
        f"Canonical: {site.url}/.well-known/security.txt",
    ]
    return Response("\n".join(lines) + "\n", content_type="text/plain")
