"""Admin pages of Metrc accounts: what they are and the rules. Keys and licenses have their own."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from catalog.natural import natural
from catalog.page_context import PageContext
from catalog.return_to import ReturnsToCaller
from integrations.metrc.admin.licenses import license_urls
from integrations.metrc.check_keys import stored
from integrations.metrc.mapping import lab_states
from integrations.metrc.models import MetrcAccount
from integrations.metrc.models.accounts import STATES, passing_lab_states

Environment = MetrcAccount.Environment
# The environment in a word or two, and its colour.
LOOKS = {
    Environment.PRODUCTION.value: ("Production", "lb-env-production"),
    Environment.SANDBOX.value: ("Sandbox", "lb-env-sandbox"),
    Environment.STAND_IN.value: ("Practice", "lb-env-stand-in"),
}
RULES = [
    "on_match",
    "on_receipt",
    "match_by_itself",
    "match_by_invoice",
    "passing_lab_states",
    "phone_for_questions",
    "notice_recipients",
]
UNCERTAIN = [
    "read_since",
    "window_hours",
    "overlap_minutes",
    "page_size",
    "price_is",
    "times_are",
    "type_on_template",
    "transporter_on_template",
]
HELP = {
    "is_active": "Off: nothing is read from Metrc or sent to it. What was read stays.",
    "state": "The state whose Metrc it is. Fixed once the account is made.",
    "stand_in_url": "Only for practice: the address that manage.py metrc_sandbox shows.",
    "on_match": "LeafLink is told by the rules of its own account.",
    "on_receipt": "When every package of the delivery was received.",
    "passing_lab_states": "Packages in any other state are not put on a template.",
    "phone_for_questions": "What templates say unless another one is typed there.",
    "window_hours": (
        "How many hours of changes Metrc lets us ask for at once. 24 is known to work everywhere; "
        "some states answer for years at once, which makes the first reading much faster."
    ),
    "page_size": "How many records Metrc sends at once: 20 at the most.",
    "price_is": "How Metrc understands the price of a package on a template.",
    "times_are": "How Metrc understands the planned times on a template.",
    "type_on_template": "Michigan takes it; no state is known to ask for it.",
}


class MetrcAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """What an account is, and its rules. Keys are pasted where they are tested at once."""

    passing_lab_states = forms.MultipleChoiceField(
        label="Lab states that may be transferred",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=passing_lab_states,
        error_messages={"required": "Tick at least one, or no package may be transferred."},
    )

    class Meta:
        model = MetrcAccount
        fields = (
            "name",
            "is_active",
            "state",
            "environment",
            "stand_in_url",
            *RULES,
            *UNCERTAIN,
        )
        help_texts = HELP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in HELP.items():
            if name in self.fields:
                self.fields[name].help_text = text
        if lab := self.fields.get("passing_lab_states"):
            states = dict.fromkeys([*lab_states.KNOWN, *self.instance.passing_lab_states])
            lab.choices = [(one, lab_states.in_words(one)) for one in states]  # type: ignore[attr-defined]
        # They can't be changed later, so nothing is chosen beforehand.
        if state := self.fields.get("state"):
            state.choices = [("", "Choose"), *((one, one) for one in STATES.split())]  # type: ignore[attr-defined]
        if environment := self.fields.get("environment"):
            offered = [
                one
                for one in Environment.choices
                if not (settings.PRODUCTION and one[0] == Environment.STAND_IN)
            ]
            environment.choices = [("", "Choose"), *offered]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        environment = data.get("environment") or self.instance.environment
        if environment != Environment.STAND_IN:
            if "stand_in_url" in data:
                data["stand_in_url"] = ""
        elif settings.PRODUCTION and data.get("is_active"):
            self.add_error(
                None,
                "The built-in stand-in is for practice, and this is a production installation. "
                "Switch the account off, or practise on another installation.",
            )
        elif not data.get("stand_in_url") and "stand_in_url" not in self.errors:
            self.add_error("stand_in_url", "Give the address the stand-in runs at.")
        return data


@admin.register(MetrcAccount)
class MetrcAccountAdmin(PageContext, ReturnsToCaller, ModelAdmin):
    form = MetrcAccountForm
    list_display = ["name", "state", "shown_environment", "is_active", "keys", "licenses", "read"]
    list_filter = ["is_active", "environment", "state"]
    search_fields = ["name"]
    change_form_outer_before_template = "admin/metrc/account_links.html"
    fieldsets = [
        (None, {"fields": ["name", "is_active", "state", "environment", "stand_in_url"]}),
        ("Rules", {"fields": RULES}),
        (
            "Not known for certain of this state's Metrc",
            {
                "fields": UNCERTAIN,
                "description": (
                    "States differ, and not all of it is written down. What stands here is what "
                    "most are known to take: change it when Metrc refuses something or says "
                    "otherwise for your state."
                ),
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MetrcAccount]:
        listed = Q(facilities__is_listed=True)
        return (
            super()
            .get_queryset(request)
            .annotate(
                license_count=Count("facilities", filter=listed),
                mapped_count=Count("facilities", filter=listed & Q(facilities__facility__gt=0)),
                packages_read=Max("facilities__packages_until"),
                transfers_read=Max("facilities__transfers_until"),
            )
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        # Its id is another table's, where Django passes on a number that no database can hold.
        return super().get_object(request, str(natural(object_id)), from_field)

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        return [*license_urls(self.admin_site), *urls]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["state", "environment"] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The address of the stand-in is asked for where there is one."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or obj.environment == Environment.STAND_IN:
            return fieldsets
        (name, first), *rest = fieldsets
        fields = [one for one in first["fields"] if one != "stand_in_url"]
        return [(name, {**first, "fields": fields}), *rest]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its packages, transfers and matches would go with it. Switch it off instead."""
        return False

    def save_model(self, request: HttpRequest, obj: MetrcAccount, form: Any, change: bool) -> None:
        if not change:
            obj.save()
        elif form.changed_data:
            # Keys and findings may have been stored since the page was opened.
            obj.save(update_fields=form.changed_data)

    def response_add(
        self, request: HttpRequest, obj: MetrcAccount, post_url_continue: Any = None
    ) -> HttpResponse:
        """The keys come next."""
        messages.success(request, f"{obj} is there. Now paste its keys: they are tested at once.")
        return HttpResponseRedirect(reverse("admin:metrc_account_licenses", args=[obj.pk]))

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        account = self.get_object(request, object_id)
        if account:
            context |= {"keys_said": self.keys(account), "chip": self.shown_environment(account)}
        return context

    @display(description="Environment", ordering="environment")
    def shown_environment(self, account: MetrcAccount) -> SafeString:
        text, look = LOOKS.get(account.environment, (account.environment, ""))
        return format_html('<span class="lb-env {}">{}</span>', look, text)

    @display(description="Keys")
    def keys(self, account: MetrcAccount) -> SafeString:
        found = stored(account)
        look, text = "", "Not tested"
        if not (account.__dict__.get("vendor_key") and account.__dict__.get("user_key")):
            look, text = "lb-state lb-state-danger", "No keys"
        elif found and found.is_refused:
            look, text = "lb-state lb-state-danger", "Refused"
        elif found and not found.is_tested:
            look, text = "lb-state lb-state-warning", "Could not be tested"
        elif found and found.lacks:
            look, text = "lb-state lb-state-warning", "Permissions missing"
        elif found:
            look, text = "lb-ok", "✓ Good"
        return format_html('<span class="{}">{}</span>', look, text)

    @display(description="Licenses")
    def licenses(self, account: Any) -> SafeString:
        page = reverse("admin:metrc_account_licenses", args=[account.pk])
        text = f"{account.mapped_count} of {account.license_count} are facilities of ours"
        if not account.license_count:
            text = "None known yet"
        return format_html('<a class="lb-link" href="{}">{}</a>', page, text)

    @display(description="Read up to")
    def read(self, account: Any) -> str:
        moments = [one for one in (account.packages_read, account.transfers_read) if one]
        return f"{timesince(min(moments), depth=1)} ago" if moments else "never"
