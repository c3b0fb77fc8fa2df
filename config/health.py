"""Are we alive (`/healthz`), and can we do our work (`/readyz`)?"""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from integrations.models import Heartbeat

OLDEST_HEARTBEAT = timedelta(minutes=5)


def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and the worker has shown signs of life; else 503 with why."""
    problems = []
    try:
        connection.ensure_connection()
        problems += worker_problems()
    except DatabaseError:
        problems.append("The database can't be reached.")
    return JsonResponse({"problems": problems}, status=503 if problems else 200)


def worker_problems() -> list[str]:
    """Why the worker looks dead, in words; empty when it lives."""
    last = Heartbeat.last()
    if last is None:
        return ["The worker has never run. Start it with: manage.py worker"]
    if timezone.now() - last > OLDEST_HEARTBEAT:
        return [
            f"The worker has been silent since {timezone.localtime(last):%Y-%m-%d %H:%M}. "
            "Restart it: manage.py worker"
        ]
    return []
