"""What the buttons of "Needs attention" do. Each is a POST that leads back to the list."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from catalog.permissions import require
from catalog.return_to import where_from
from integrations import attention, work
from integrations.models import Notice, WorkItem
from integrations.notices import open_ones

CHANGE = "integrations.change_notice"


def _back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(where_from(request) or reverse("admin:index"))


def _connection_id(request: HttpRequest) -> int | None:
    said = request.POST.get("connection", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 18 else None


def _notice(request: HttpRequest) -> Notice:
    return attention.notice_of(
        request.POST.get("source", ""), request.POST.get("key", ""), _connection_id(request)
    )


@require_POST
def snooze(request: HttpRequest) -> HttpResponse:
    """Put a problem off, with a reason."""
    require(request, CHANGE)
    times = {name: until for name, _, until in attention.snooze_choices()}
    try:
        until = times.get(request.POST.get("until", ""))
        if until is None:
            raise ValidationError("Choose until when it can wait.")
        notice = _notice(request)
        attention.snooze(notice, until, request.POST.get("reason", ""), by=_user(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        when = timezone.localtime(until)
        messages.success(
            request, f"It is back on the list on {when:%A, %B} {when.day} at {when:%H:%M}."
        )
    return _back(request)


@require_POST
def wake(request: HttpRequest) -> HttpResponse:
    """Put a problem back on the list."""
    require(request, CHANGE)
    try:
        attention.wake(_notice(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return _back(request)


@require_POST
def assign(request: HttpRequest) -> HttpResponse:
    """Say who looks after a problem."""
    require(request, CHANGE)
    said = request.POST.get("to", "")
    try:
        person = None
        if said:
            person = assignable().filter(username=said).first()
            if person is None:
                raise ValidationError("Choose somebody who can log in here.")
        attention.assign(_notice(request), person)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        told = f"{person.get_full_name() or person} looks after it." if person else "Nobody does."
        messages.success(request, told)
    return _back(request)


def assignable() -> QuerySet[User]:
    """The people a problem can be given to."""
    return User.objects.filter(is_active=True, is_staff=True).order_by("username")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@require_POST
def retry(request: HttpRequest) -> HttpResponse:
    """Try stuck work of one account, kind and error again."""
    require(request, "integrations.retry_workitem")
    items = WorkItem.objects.filter(
        connection=_connection_id(request),
        kind=request.POST.get("kind", ""),
        error_class=request.POST.get("error_class", ""),
    )
    count = work.retry(items)
    if count:
        told = "It is" if count == 1 else f"{count:,} pieces of work are"
        messages.success(request, f"{told} tried again now.")
    else:
        messages.info(request, "Nothing of it is stuck any more.")
    return _back(request)


@require_POST
def dealt_with(request: HttpRequest) -> HttpResponse:
    """Somebody has looked at a record that can't be read."""
    require(request, CHANGE)
    opened = open_ones().filter(
        category=Notice.Category.UNREADABLE,
        connection=_connection_id(request),
        key=request.POST.get("key", ""),
    )
    if opened.update(resolved_at=timezone.now()):
        messages.success(request, "It is off the list. Should it come again, so does the notice.")
    else:
        messages.info(request, "It was off the list already.")
    return _back(request)


def urls(wrap: Callable[..., Any]) -> list[URLPattern]:
    """The addresses of these, for the admin of notices; `wrap` is its `admin_view`."""
    views = (snooze, wake, assign, retry, dealt_with)
    return [
        path(
            f"{view.__name__.replace('_', '-')}/",
            wrap(view),
            name=f"integrations_notice_{view.__name__}",
        )
        for view in views
    ]
