"""Admin pages of accounts, with their keys, brands and routing, and of webhooks."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from catalog.natural import natural
from catalog.page_context import PageContext
from catalog.read_only_admin import ReadOnlyAdmin
from catalog.return_to import ReturnsToCaller
from integrations import budget
from integrations.key_field import KeyField
from integrations.leaflink.admin import setup
from integrations.leaflink.admin.lists import offer_own_entries
from integrations.leaflink.admin.routing_test import test_routing
from integrations.leaflink.admin.rules_pages import rule_urls
from integrations.leaflink.admin.webhook_page import webhooks
from integrations.leaflink.models import (
    Account,
    AccountBrand,
    RoutingRule,
    WebhookDelivery,
)
from integrations.leaflink.rule_rows import noting_rows
from integrations.leaflink.rule_values import in_words
from integrations.leaflink.templatetags.leaflink_accounts import chip


class AccountBrandInline(TabularInline):
    model = AccountBrand
    fields = ["brand", "leaflink_brand", "safety_units", "safety_percent", "most_shown"]
    autocomplete_fields = ["brand", "leaflink_brand"]
    extra = 0

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        field = formset.form.base_fields.get("leaflink_brand")
        if field and obj:
            offer_own_entries(field, AccountBrand, "leaflink_brand", self.admin_site, obj.pk)
        return formset


class RoutingRules(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """The rules of an account: none of them twice."""

    def clean(self) -> None:
        super().clean()
        seen: set[tuple[Any, ...]] = set()
        for form in self.forms:
            rule = form.instance
            if form in self.deleted_forms or (not form.has_changed() and not rule.pk):
                continue
            what = (rule.kind, rule.brand_id, rule.license_type.casefold())
            if what in seen:
                form.add_error("kind", f"There is a rule “{rule}” already. Change or delete one.")
            seen.add(what)


class RoutingRuleInline(TabularInline):
    """Where orders ship from: rules asked from the lowest number up."""

    model = RoutingRule
    formset = RoutingRules
    fields = ["position", "is_on", "kind", "brand", "license_type", "facility"]
    autocomplete_fields = ["brand", "facility"]
    verbose_name_plural = "Routing: where orders ship from (the first rule that answers decides)"
    extra = 0
    hide_title = True


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """What an account is, and its keys. Its rules have a page of their own."""

    new_app_key = KeyField("LeafLink", label="App key")
    new_webhook_key = KeyField("LeafLink", label="Webhook key")

    class Meta:
        model = Account
        fields = (
            "name",
            "is_active",
            "host",
            "stand_in_url",
            "key_owner",
            "company_name",
            "company_id",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("app_key", "webhook_key"):
            if f"new_{name}" in self.fields:
                there = bool(self.instance.pk and getattr(self.instance, name))
                self.fields[f"new_{name}"].help_text = (
                    "A key is stored. Paste another one to replace it."
                    if there
                    else "Paste it from LeafLink. It is encrypted and never shown again."
                )

    def save(self, commit: bool = True) -> Any:
        for name in ("app_key", "webhook_key"):
            if value := self.cleaned_data.get(f"new_{name}"):
                setattr(self.instance, name, value)
        return super().save(commit)


@admin.register(Account)
class AccountAdmin(PageContext, ReturnsToCaller, ModelAdmin):
    form = AccountForm
    list_display = ["name", "company_name", "shown_host", "is_active", "last_webhook_at"]
    list_filter = ["is_active", "host"]
    search_fields = ["name", "company_name"]
    readonly_fields = ["webhook_address", "last_webhook_at"]
    inlines = [AccountBrandInline, RoutingRuleInline]
    change_form_outer_before_template = "admin/leaflink/account_links.html"
    list_before_template = "admin/leaflink/setup/before_list.html"
    fieldsets = [
        (None, {"fields": ["name", "is_active", "host", "stand_in_url"]}),
        ("Keys", {"fields": ["new_app_key", "key_owner"]}),
        (
            "Webhook",
            {"fields": ["webhook_address", "new_webhook_key", "last_webhook_at"]},
        ),
        ("LeafLink company", {"fields": [("company_name", "company_id")]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keys, and the address that webhooks come to, are for those who may change them."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj:
            # Of an account that is there a key is tested before it is stored, on a page of its own.
            keys = ("Keys", {"fields": ["app_key_place", "key_owner"]})
            fieldsets = [keys if one[0] == "Keys" else one for one in fieldsets]
        if self.has_change_permission(request, obj) or self.has_add_permission(request):
            return fieldsets
        return [one for one in fieldsets if one[0] not in ("Keys", "Webhook")]

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        # A new account gets its starting rules with the first save.
        return self.inlines if obj else [AccountBrandInline]

    def get_urls(self) -> list[URLPattern]:
        test = path(
            "<id:account_id>/routing/",
            self.admin_site.admin_view(test_routing),
            name="leaflink_account_routing",
        )
        hooks = path(
            "<id:account_id>/webhooks/",
            self.admin_site.admin_view(webhooks),
            name="leaflink_account_webhooks",
        )
        urls: list[URLPattern] = super().get_urls()
        return [test, hooks, *rule_urls(self.admin_site), *setup.urls(self.admin_site), *urls]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        # Its id is another table's, where Django passes on a number that no database can hold.
        return super().get_object(request, str(natural(object_id)), from_field)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A new account is set up step by step, unless somebody wants to fill in all by hand."""
        if request.method == "GET" and "by_hand" not in request.GET:
            return setup.connect.begin(request)
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        account = self.get_object(request, object_id)
        if account:
            rules = [rule for group in in_words(account) for rule in group.rules]
            context["own_rules"] = sum(not rule.is_default for rule in rules)
            context["budget_use"] = budget.use_of(account.budget_owner)
            context["budget_limit"] = settings.LEAFLINK_REQUESTS_PER_MINUTE
        return context

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its orders and links would go with it. Switch it off instead."""
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        with noting_rows(form.instance, request.user):
            super().save_related(request, form, formsets, change)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.readonly_fields, "host", "app_key_place"] if obj else self.readonly_fields

    @display(description="App key")
    def app_key_place(self, account: Account) -> SafeString:
        page = reverse("admin:leaflink_account_setup", args=[account.pk, "connect"])
        told, link = ("A key is stored.", "Test or replace it")
        if not account.has_app_key:
            told, link = ("There is none yet.", "Paste it")
        return format_html('{} <a class="lb-link" href="{}">{}</a>', told, page, link)

    @display(description="Environment", ordering="host")
    def shown_host(self, account: Account) -> SafeString:
        in_setup = '<span class="lb-state lb-state-warning">In set-up</span>'
        return format_html("{} {}", chip(account.host), SafeString(in_setup * account.in_setup))

    @display(description="Address for LeafLink's webhook")
    def webhook_address(self, account: Account) -> str:
        return account.webhook_url if account.pk else "Shown once the account is saved."


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "kind", "action", "key", "account", "problem"]
    list_filter = ["kind", "action", "account", ("received_at", RangeDateTimeFilter)]
    list_filter_submit = True
    list_select_related = ["account"]
    search_fields = ["key"]
    fields = [("received_at", "account"), ("kind", "action", "key"), "problem", "body"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        query = super().get_queryset(request)
        page = (request.resolver_match.url_name if request.resolver_match else "") or ""
        return query.defer("body") if page.endswith("_changelist") else query
