"""Who may do what: keys, permissions, licenses, and how often."""

from __future__ import annotations

import functools
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, current_app, g, request
from flask.typing import ResponseReturnValue

from integrations.metrc.sandbox.errors import Throttled, Unauthorized
from integrations.metrc.sandbox.records import UserKey
from integrations.metrc.sandbox.world import World
from integrations.sandbox.rate_limit import SlidingWindow

SECOND = timedelta(seconds=1)
TEMPLATES_READ = ("View Transfer Templates", "Manage Transfer Templates")
TEMPLATES_WRITE = ("Manage Transfer Templates",)
TRANSFERS = ("View Transfers", "Manage Transfers")
PACKAGES = ("View Packages",)
TRANSPORTERS = ("Transporters",)


@dataclass(frozen=True)
class Limits:
    """GET requests a second, as reported by integrators. None: any number."""

    per_facility: int | None = 50
    per_vendor: int | None = 150


class Gate:
    """Counts the GET requests of one state."""

    def __init__(self, limits: Limits | None, clock: Callable[[], datetime]) -> None:
        limits = limits or Limits(None, None)
        self.facility = SlidingWindow(limits.per_facility, SECOND, clock)
        self.vendor = SlidingWindow(limits.per_vendor, SECOND, clock)

    def take(self, vendor: str, license_number: str) -> None:
        """Count a request. Raises Throttled when there were too many."""
        wait = self.facility.take(license_number) if license_number else 0
        wait = wait or self.vendor.take(vendor)
        if wait:
            raise Throttled(wait)


def world() -> World:
    """The state that the present request is for."""
    found: World = g.world
    return found


def user() -> UserKey:
    """Whose key the present request bears."""
    found: UserKey = g.user
    return found


def route(
    blueprint: Blueprint,
    rule: str,
    *,
    method: str = "GET",
    needs: tuple[str, ...] = (),
    scoped: bool = True,
) -> Callable[[Callable[..., ResponseReturnValue]], Callable[..., ResponseReturnValue]]:
    """Let a function answer a path. `needs`: any of these permissions; `scoped`: at a license."""

    def register(
        view: Callable[..., ResponseReturnValue],
    ) -> Callable[..., ResponseReturnValue]:
        @functools.wraps(view)
        def entered(**parts: str) -> ResponseReturnValue:
            enter(needs, scoped)
            with world().lock:
                return view(**parts)

        blueprint.add_url_rule(rule, view.__name__, entered, methods=[method], strict_slashes=False)
        return view

    return register


def enter(needs: tuple[str, ...], scoped: bool) -> None:
    """Let the request in. Raises Unauthorized or Throttled."""
    sent = request.authorization
    vendor, value = (sent.username or "", sent.password or "") if sent else ("", "")
    known = hmac.compare_digest(vendor.encode(), world().vendor_key.encode())
    keys = [key for key in world().user_keys.values() if key.value == value and not key.is_revoked]
    if sent is None or sent.type != "basic" or not known or not keys:
        raise Unauthorized
    g.user = keys[0]
    license_number = request.args.get("licenseNumber", "")
    if request.method == "GET":
        gate: Gate = current_app.extensions["gates"][world().rules.code]
        gate.take(vendor, license_number)
    if needs and not set(needs) & set(g.user.permissions):
        raise Unauthorized
    if scoped and license_number not in g.user.licenses:
        raise Unauthorized
    g.license = license_number


def require(permission: str) -> None:
    """Ask for one more permission. Raises Unauthorized."""
    if permission not in user().permissions:
        raise Unauthorized


def own(*license_numbers: str) -> None:
    """Refuse what belongs to none of the user's licenses. Raises Unauthorized."""
    if not set(license_numbers) & set(user().licenses):
        raise Unauthorized


def nothing() -> Response:
    """200 with an empty body: Metrc's answer to a change."""
    return Response(status=200)


def license_number() -> str:
    """The license that the present request acts for."""
    found: str = g.license
    return found
