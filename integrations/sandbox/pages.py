"""What the stand-ins' pages for visitors share: their style, and the refusal of foreign forms."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from flask import abort, request

# Has page.css; each stand-in serves it under its own address.
STATIC = Path(__file__).parent / "static"


def own_pages_only() -> None:
    """Refuse a form that another site sends."""
    if request.method != "POST":
        return
    source = request.headers.get("Origin") or request.headers.get("Referer") or ""
    if source and urlsplit(source).netloc != request.host:
        abort(403, "Forms are taken from this site's own pages only.")
