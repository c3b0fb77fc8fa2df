"""Admin pages of logins: users with their roles, the roles as groups, and blocked logins."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from catalog.page_context import PageContext
from catalog.read_only_admin import ReadOnlyAdmin
from config import two_factor
from config.logins import blocked_until
from config.models import BlockedLogin
from config.roles import BY_NAME

for model in (User, Group):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class RolesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Groups to tick, with what each is for."""

    def label_from_instance(self, obj: Any) -> str:
        role = BY_NAME.get(obj.name)
        return f"{obj.name}: {role.what_for}" if role else obj.name


@admin.register(User)
class UserAdmin(PageContext, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "shown_name", "email", "roles", "second_step", "is_active"]
    list_filter = ["groups", "is_active", "is_superuser"]
    change_form_outer_before_template = "admin/auth/user_two_factor.html"
    add_fieldsets = [
        (None, {"fields": ["username", "usable_password", "password1", "password2"]}),
        ("Role", {"fields": ["is_staff", "groups"]}),
    ]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": [("first_name", "last_name"), "email"]}),
        ("Role", {"fields": ["is_active", "is_staff", "groups"]}),
        (
            "More than the role",
            {"classes": ["collapse"], "fields": ["is_superuser", "user_permissions"]},
        ),
        ("Record", {"classes": ["collapse"], "fields": [("last_login", "date_joined")]}),
    ]
    readonly_fields = ["last_login", "date_joined"]
    filter_horizontal = ["user_permissions"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        return rows.prefetch_related("groups", "authenticator_set")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "is_staff":
            field.label = "May log in here"
            field.help_text = "Everybody who works with these pages needs it."
        return field

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Each role with its sentence, so that an administrator knows what to choose."""
        if db_field.name != "groups":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        return RolesField(
            queryset=Group.objects.order_by("name"),
            required=False,
            label="Roles",
            help_text="One is enough. Several add up.",
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_urls(self) -> list[URLPattern]:
        reset = path(
            "<id:user_id>/two-factor-off/",
            self.admin_site.admin_view(require_POST(self.switch_off_two_factor)),
            name="auth_user_two_factor_off",
        )
        urls: list[URLPattern] = super().get_urls()
        return [reset, *urls]

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        user = self.get_object(request, object_id)
        if user and self.has_change_permission(request, user):
            context["second_step_of"] = user
            context["has_second_step"] = two_factor.has_two_factor(user)
        return context

    def switch_off_two_factor(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """For somebody who has lost their phone: they log in by password alone again."""
        user = get_object_or_404(User, pk=user_id)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if two_factor.switch_off(user):
            text = "Switched off two-factor sign-in."
            LogEntry.objects.log_actions(
                request.user.pk,  # type: ignore[arg-type]
                [user],
                CHANGE,
                change_message=text,
            )
            messages.success(
                request, f"{user} logs in by password alone now, and can set it up again."
            )
        else:
            messages.info(request, f"{user} has no two-factor sign-in.")
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user_id]))

    @display(description="Name")
    def shown_name(self, user: User) -> str:
        return user.get_full_name()

    @display(description="Roles")
    def roles(self, user: User) -> str:
        names = ["Superuser"] * user.is_superuser + [group.name for group in user.groups.all()]
        return ", ".join(names) or "None yet"

    @display(description="Two-factor", label={"on": "success", "off": "default"})
    def second_step(self, user: User) -> tuple[str, str]:
        phones = user.authenticator_set.all()
        return ("on", "On") if any(one.confirmed for one in phones) else ("off", "Off")


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Roles are groups that keep their name: a sales rep's limits hang on it."""

    list_display = ["name", "what_for"]
    readonly_fields = ["what_for"]
    fieldsets = [(None, {"fields": ["name", "what_for", "permissions"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return ["name", *fields] if obj and obj.name in BY_NAME else fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_role = obj is not None and obj.name in BY_NAME
        return not is_role and bool(super().has_delete_permission(request, obj))

    def get_actions(self, request: HttpRequest) -> Any:
        """Without deleting many at once, which would not ask about each."""
        actions = super().get_actions(request)
        return {name: one for name, one in actions.items() if name != "delete_selected"}

    @display(description="For whom")
    def what_for(self, group: Group) -> str:
        role = BY_NAME.get(group.name)
        return role.what_for if role else "A group of your own"


@admin.register(BlockedLogin)
class BlockedLoginAdmin(ReadOnlyAdmin):
    """Logins that failed of late. Five failures of one name from one address block it."""

    list_display = ["shown_username", "ip_address", "failures_since_start", "standing", "last"]
    list_display_links = None
    search_fields = ["username", "ip_address"]
    actions = ["lift"]
    list_before_template = "admin/auth/blocked_logins.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            "title": "Blocked logins",
            "failures": settings.AXES_FAILURE_LIMIT,
            "minutes": int(settings.AXES_COOLOFF_TIME.total_seconds() // 60),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("config.delete_blockedlogin"))

    @display(description="Login", ordering="username")
    def shown_username(self, attempt: BlockedLogin) -> str:
        return attempt.username or "(none typed)"

    @display(description="Standing", label={"blocked": "danger", "open": "default"})
    def standing(self, attempt: BlockedLogin) -> tuple[str, str]:
        until = blocked_until(attempt)
        if until is None:
            return "open", "Not blocked"
        return "blocked", f"Blocked until {timezone.localtime(until):%H:%M}"

    @display(description="Last failure", ordering="attempt_time")
    def last(self, attempt: BlockedLogin) -> Any:
        return attempt.attempt_time

    @admin.action(description="Lift the block", permissions=["lift"])
    def lift(self, request: HttpRequest, attempts: QuerySet[BlockedLogin]) -> None:
        names = sorted({f"{one.username} from {one.ip_address}" for one in attempts})
        for one in list(attempts):
            BlockedLogin.objects.filter(username=one.username, ip_address=one.ip_address).delete()
        messages.success(request, f"These can log in again: {', '.join(names)}.")
