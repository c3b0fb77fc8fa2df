"""Pages of Django's own and the task queue's models, in the look of the rest."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from catalog.read_only_admin import ReadOnlyAdmin
from config.schedules import JOBS

for model in (User, Group, Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


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
