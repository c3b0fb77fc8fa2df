"""Pages of the task queue's models, in the look of the rest; those of logins beside it."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.decorators import display

from catalog.read_only_admin import ReadOnlyAdmin
from config import login_admin  # noqa: F401  (its pages)
from config.schedules import JOBS

for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    """Schedules are written from code: one with bad arguments would stop all the others."""

    list_display = ["name", "purpose", "every", "next_run"]
    list_display_links = None

    @display(description="What it does")
    def purpose(self, schedule: Schedule) -> str:
        return {job.name: job.purpose for job in JOBS}.get(schedule.name, "")

    @display(description="Every")
    def every(self, schedule: Schedule) -> str:
        minutes = schedule.minutes or 0
        return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"
