"""What is done on the page of an order's template: saving, sending, withdrawing, looking."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from catalog.permissions import require
from integrations import work
from integrations.budget import BudgetExhausted
from integrations.encryption import WrongEncryptionKey
from integrations.metrc import draft_template, send_template, settle_template
from integrations.metrc.admin.template_form import TemplateForm, weights_entered
from integrations.metrc.admin.template_page import SENDS, fingerprint, order_of, show, tell
from integrations.metrc.draft_template import CannotDraft, NotEditable, State
from integrations.metrc.models import PackageAssignment, TransferTemplate
from integrations.metrc.send_template import CannotSend, CannotWithdraw, client_of
from integrations.metrc.settle_template import NotYet
from integrations.metrc.template_facts import assigned_to, planned, zone_of
from integrations.metrc.work_kinds import PACKAGES_WORK, TRANSFERS_WORK
from integrations.models import WorkItem
from integrations.wire.errors import VendorError, Wait
from orders.models import SalesOrder


@require_POST
def save(request: HttpRequest, order_id: int) -> HttpResponse:
    """Save what was entered; with the button for it, send it too, if it is what was shown."""
    require(request, SENDS)
    order = order_of(order_id)
    try:
        template = draft_template.draft_for(order)
    except CannotDraft as error:
        messages.error(request, str(error))
        return _back(order)
    form = TemplateForm(template, zone_of(order.facility), request.POST)
    assignments = assigned_to(order.pk)
    weights, problems = weights_entered(request.POST, assignments)
    if not form.is_valid() or problems:
        tell(request, problems)
        return show(request, order, form)
    try:
        changed = _write(template, form.entered(), weights)
    except NotEditable as error:
        messages.error(request, str(error))
        return _back(order)
    if request.POST.get("act") != "send":
        messages.success(request, "Saved." if changed else "Nothing was changed.")
        return _back(order)
    template = draft_template.proposed_for(order)
    if fingerprint(planned(order, template)) != request.POST.get("seen"):
        messages.info(
            request, "Saved, not sent yet: look at what will be sent once more, then send it."
        )
        return _back(order)
    _send(request, template)
    return _back(order)


@transaction.atomic
def _write(template: TransferTemplate, entered: dict[str, Any], weights: dict[int, Any]) -> bool:
    """Save fields and weights; whether anything was changed."""
    changed = draft_template.save(template.pk, entered)
    for pk, weight in weights.items():
        PackageAssignment.objects.filter(pk=pk, ended_at=None).update(gross_weight=weight)
    return bool(changed or weights)


def _send(request: HttpRequest, template: TransferTemplate) -> None:
    """Send it at once; what Metrc does not take just now is left to the queue."""
    try:
        client = client_of(template.pk, in_a_page=True)
        state = send_template.send(template.pk, by=request.user, client=client)
    except (Wait, BudgetExhausted) as error:
        send_template.ask_to_send(template.pk, by=request.user)
        messages.warning(request, f"{error} It is sent by itself as soon as Metrc takes it.")
        return
    except (CannotSend, VendorError, WrongEncryptionKey) as error:
        messages.error(request, str(error))
        return
    if state == State.SENT:
        messages.success(request, "The template is in Metrc.")
    elif state == State.REFUSED:
        messages.error(request, "Metrc refused the template. Its reasons are below.")
    else:
        messages.warning(
            request, "Metrc's answer was lost. Whether the template arrived is looked up by itself."
        )


@require_POST
def settle(request: HttpRequest, order_id: int) -> HttpResponse:
    """Look up at once what became of a lost answer."""
    require(request, SENDS)
    order = order_of(order_id)
    template = draft_template.in_force(order)
    if template is None:
        return _back(order)
    try:
        client = client_of(template.pk, in_a_page=True)
        state = settle_template.settle(template.pk, client=client)
    except NotYet as error:
        messages.info(request, str(error))
    except (CannotSend, VendorError, BudgetExhausted, WrongEncryptionKey) as error:
        messages.error(request, str(error))
    else:
        told = {
            State.SENT: "The template is in Metrc.",
            State.WITHDRAWN: "The template is withdrawn.",
            State.DRAFT: "The template is not in Metrc. You can send it again.",
        }
        messages.info(request, told.get(state, "Nothing is in doubt."))
    return _back(order)


@require_POST
def withdraw(request: HttpRequest, order_id: int) -> HttpResponse:
    """Take the template out of Metrc, so that another one can be made."""
    require(request, SENDS)
    order = order_of(order_id)
    template = draft_template.in_force(order)
    if template is None:
        messages.info(request, "There is no template to withdraw.")
        return _back(order)
    try:
        client = client_of(template.pk, in_a_page=True)
        state = send_template.withdraw(template.pk, by=request.user, client=client)
    except (CannotWithdraw, VendorError, BudgetExhausted, WrongEncryptionKey) as error:
        messages.error(request, str(error))
        return _back(order)
    if state == State.WITHDRAWN:
        messages.success(request, "The template is withdrawn from Metrc. Here is a new one.")
    else:
        messages.warning(
            request, "Metrc's answer was lost. Whether it is withdrawn is looked up by itself."
        )
    return _back(order)


@require_POST
def look(request: HttpRequest, order_id: int) -> HttpResponse:
    """Have packages or transfers of the order's license read from Metrc at once."""
    require(request, "metrc.sync_metrcaccount")
    order = order_of(order_id)
    try:
        facility = draft_template.facility_for(order)
    except CannotDraft as error:
        messages.error(request, str(error))
        return _back(order)
    what = "packages" if request.POST.get("what") == "packages" else "transfers"
    kind = PACKAGES_WORK if what == "packages" else TRANSFERS_WORK
    work.ask(facility.account_id, kind, [str(facility.pk)], WorkItem.Priority.ORDERS)
    messages.info(request, f"The {what} are being read from Metrc. Look again in a moment.")
    return _back(order)


def _back(order: SalesOrder) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:metrc_order_template", args=[order.pk]))
