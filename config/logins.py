"""Logging in: whose address it is, what a blocked login is told, and when a session ends."""

import ipaddress
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

BEGAN, SEEN = "login_began", "login_seen"
# Often enough to be right about an idle hour, and seldom enough not to write on every page.
WRITTEN_EVERY = 60
# Pages that ask by themselves, whether anybody is there or not.
POLLS = {"leaflink_order_news"}


def address_of(request: HttpRequest) -> str:
    """The address a request comes from.

    Behind a proxy the last one it has noted: those before it anybody can make up. An address that
    is none counts as the proxy's own.
    """
    direct: str = request.META.get("REMOTE_ADDR", "")
    if not settings.BEHIND_PROXY:
        return direct
    noted = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(noted))
    except ValueError:
        return direct


def blocked_until(attempt: AccessAttempt) -> Any:
    """When the login of these failures may be tried again; None when it may now.

    Failures of one name and address count together, whatever browsers they were made with.
    """
    same = AccessAttempt.objects.filter(username=attempt.username, ip_address=attempt.ip_address)
    recent = [one for one in same if one.attempt_time + settings.AXES_COOLOFF_TIME > timezone.now()]
    if sum(one.failures_since_start for one in recent) < settings.AXES_FAILURE_LIMIT:
        return None
    return max(one.attempt_time for one in recent) + settings.AXES_COOLOFF_TIME


def tell_blocked(request: HttpRequest, response: Any = None, credentials: Any = None) -> Any:
    """The login page for a name and address that failed too often, with what to do."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    context = {
        **admin.site.each_context(request),
        "title": "Log in",
        "failures": settings.AXES_FAILURE_LIMIT,
        "minutes": minutes,
    }
    answer = TemplateResponse(request, "admin/login_blocked.html", context, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer.render()


@receiver(user_logged_in)
def note_beginning(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """A session's time runs from the login."""
    request.session[BEGAN] = request.session[SEEN] = int(time.time())


class SessionLimitsMiddleware:
    """Ends a login that nobody has used for a while, or that is older than a working day."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> None:
        if request.user.is_anonymous:
            return
        now = int(time.time())
        began = request.session.setdefault(BEGAN, now)
        seen = request.session.get(SEEN, began)
        idle = settings.SESSION_IDLE_MINUTES
        if now - began > settings.SESSION_COOKIE_AGE:
            hours = timedelta(seconds=settings.SESSION_COOKIE_AGE) // timedelta(hours=1)
            self._end(request, f"You were logged out: a login lasts {hours} hours.")
        elif now - seen > idle * 60:
            text = f"You were logged out: nothing was done here for {idle} minutes."
            self._end(request, text)
        elif now - seen >= WRITTEN_EVERY and not self._is_poll(request):
            request.session[SEEN] = now

    def _end(self, request: HttpRequest, why: str) -> None:
        """The view then finds nobody logged in, and leads to the login as for anybody else."""
        logout(request)
        messages.info(request, why)

    def _is_poll(self, request: HttpRequest) -> bool:
        page = request.resolver_match.url_name if request.resolver_match else ""
        return page in POLLS
