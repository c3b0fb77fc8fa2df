"""A number for each web request, on all its log lines and in its answer (X-Request-ID)."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bound_contextvars

HEADER = "X-Request-ID"
# What a proxy in front of us may have given; anything else is not repeated in our logs.
ACCEPTED = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestIdMiddleware:
    """First of all, so that whatever is logged has the number."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        number = given if ACCEPTED.fullmatch(given) else uuid.uuid4().hex
        with bound_contextvars(request_id=number):
            response = self.get_response(request)
        response[HEADER] = number
        return response
