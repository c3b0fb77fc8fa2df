"""Asking for permissions in views: one way for all pages."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def require(request: HttpRequest, *permissions: str) -> None:
    """Raise PermissionDenied unless the user has all of these ("leaflink.add_listing")."""
    if not request.user.has_perms(permissions):
        raise PermissionDenied
