"""The page of an account's rules, with their history and undo, and the preview of presets."""

from collections import defaultdict
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from catalog.natural import natural
from catalog.permissions import require
from catalog.return_to import where_from
from integrations.leaflink.admin.rules_form import RulesForm, fields_of
from integrations.leaflink.admin.status_map import STATUS_HELP
from integrations.leaflink.change_rules import RuleMoved, change_rules, undo
from integrations.leaflink.mapping.rule_presets import RulePreset
from integrations.leaflink.models import Account, RuleChange
from integrations.leaflink.rule_presets import apply_preset, preset_of, preview_preset
from integrations.leaflink.rule_rows import GROUPS, LABELS, rows_in_words
from integrations.leaflink.rule_values import RuleInWords, in_words
from integrations.leaflink.rules import BY_NAME

SEES, CHANGES = "leaflink.view_account", "leaflink.change_account"
KEPT_IN_SIGHT = 20


def rules_page(request: HttpRequest, account_id: int) -> HttpResponse:
    """All rules of an account, each with its control, effect, default and history."""
    require(request, SEES)
    account = get_object_or_404(Account, pk=account_id)
    form = RulesForm(request.POST or None, instance=account)
    if request.method == "POST":
        require(request, CHANGES)
        if form.is_valid():
            answer = _save(request, account, form)
            if answer:
                return answer
        messages.error(request, "Nothing was saved yet: see what is marked below.")
        # What the form tried on the account is not what the account's rules are.
        account = Account.objects.get(pk=account_id)
    context = {
        **_context(request, account, f"Rules of {account}"),
        "form": form,
        "groups": _groups(account, form),
        "status_help": STATUS_HELP,
        "preset": preset_of(account),
        "presets": list(RulePreset),
    }
    return TemplateResponse(request, "admin/leaflink/rules.html", context)


def _context(request: HttpRequest, account: Account, title: str) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": title,
        "opts": Account._meta,
        "account": account,
        "back": where_from(request),
        "may_change": request.user.has_perm(CHANGES),
    }


def _save(request: HttpRequest, account: Account, form: RulesForm) -> HttpResponse | None:
    try:
        seen = form.cleaned_data["seen"]
        changes = change_rules(account, form.values(), request.user, seen=seen)
    except RuleMoved as moved:
        messages.error(request, str(moved))
        return HttpResponseRedirect(request.get_full_path())
    except ValidationError as error:
        for text in error.messages:
            form.add_error(None, text)
        return None
    _tell(request, account, changes)
    return HttpResponseRedirect(where_from(request) or request.get_full_path())


def _tell(request: HttpRequest, account: Account, changes: list[RuleChange]) -> None:
    """Say what was changed, and what follows from it."""
    if not changes:
        messages.info(request, "All rules were so already.")
    preview = reverse("admin:leaflink_listing_preview", args=[account.pk])
    for change in changes:
        rule = BY_NAME[change.rule]
        is_idle = rule.sends_stock and rule.name != "push_inventory" and not account.push_inventory
        outcome = (
            "Quantities are not sent at present, by rule."
            if is_idle
            else rule.outcome(change.old, change.new)
        )
        text = format_html("{}: {}. {}", rule.label, change.new_words, outcome)
        if rule.sends_stock:
            link = '{} <a class="lb-link" href="{}">See what would be sent now</a>'
            text = format_html(link, text, preview)
        messages.success(request, text)
    pays = {"push_payments", "payment_recorder"} & {change.rule for change in changes}
    if pays and account.push_payments and account.payment_recorder is None:
        messages.warning(
            request,
            "Payments are sent only when a member of LeafLink's staff records them: choose one "
            "under Payments, for people who are none.",
        )


def _groups(account: Account, form: RulesForm) -> list[dict[str, Any]]:
    history = _history(account)
    rows = defaultdict(list)
    for row in rows_in_words(account):
        rows[row.kind].append(row)
    return [
        {
            "name": group.name.value,
            "rules": [_rule(said, form, history) for said in group.rules],
            "rows": [
                {"label": LABELS[kind], "rows": rows[kind], "kind": kind, "changes": history[kind]}
                for kind, belongs in GROUPS.items()
                if belongs == group.name
            ],
        }
        for group in in_words(account)
    ]


def _rule(
    said: RuleInWords, form: RulesForm, history: dict[str, list[RuleChange]]
) -> dict[str, Any]:
    rule = BY_NAME[said.name]
    shown = {
        "said": said,
        "unit": rule.unit,
        "controls": [form[name] for name in fields_of(said.name)],
        "changes": history[said.name],
    }
    if isinstance(said.value, bool):
        # Both, so that the page says what a switch means before it is saved; and what the other
        # position would set off at once.
        outcome = rule.outcome(said.value, not said.value)
        position = "off" if said.value else "on"
        shown |= {
            "effect_on": rule.effect(True, "On"),
            "effect_off": rule.effect(False, "Off"),
            "before_you_switch": f"Once switched {position}: {outcome}" if outcome else "",
        }
    return shown


def _history(account: Account) -> dict[str, list[RuleChange]]:
    """The newest changes of each rule, in one query."""
    found: dict[str, list[RuleChange]] = defaultdict(list)
    number = Window(RowNumber(), partition_by="rule", order_by=[F("at").desc(), F("pk").desc()])
    rows = RuleChange.objects.filter(account=account).annotate(number=number)
    newest = rows.filter(number__lte=KEPT_IN_SIGHT).select_related("by", "undone_by")
    for change in newest.order_by("-at", "-pk"):
        found[change.rule].append(change)
    return found


@require_POST
def undo_change(request: HttpRequest, account_id: int) -> HttpResponse:
    """Give a rule back the value it had before the change in the form's `change`."""
    require(request, CHANGES)
    account = get_object_or_404(Account, pk=account_id)
    number = natural(request.POST.get("change", ""))
    change = get_object_or_404(RuleChange, account=account, pk=number)
    page = reverse("admin:leaflink_account_rules", args=[account.pk])
    try:
        undone = undo(change, request.user)
    except (RuleMoved, ValidationError) as error:
        text = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        messages.error(request, f"Nothing was undone. {text}")
        return HttpResponseRedirect(page)
    account.refresh_from_db()
    _tell(request, account, [undone])
    return HttpResponseRedirect(f"{page}#rule-{change.rule}")


def preset_page(request: HttpRequest, account_id: int, preset: str) -> HttpResponse:
    """What a preset would change; with POST, it does."""
    require(request, CHANGES)
    account = get_object_or_404(Account, pk=account_id)
    if preset not in list(RulePreset):
        raise Http404
    chosen = RulePreset(preset)
    page = reverse("admin:leaflink_account_rules", args=[account.pk])
    if request.method == "POST":
        changes = apply_preset(account, chosen, request.user)
        _tell(request, account, changes)
        return HttpResponseRedirect(page)
    context = {
        **_context(request, account, f"{chosen.label}: what would change for {account}"),
        "preset": chosen,
        "steps": preview_preset(account, chosen),
        "page": page,
    }
    return TemplateResponse(request, "admin/leaflink/rules_preset.html", context)


def rule_urls(site: admin.AdminSite) -> list[URLPattern]:
    """The addresses of these pages, below those of accounts."""
    return [
        path(f"<id:account_id>/{address}", site.admin_view(view), name=f"leaflink_account_{name}")
        for address, view, name in (
            ("rules/", rules_page, "rules"),
            ("rules/undo/", undo_change, "rules_undo"),
            ("rules/preset/<str:preset>/", preset_page, "rules_preset"),
        )
    ]
