"""The page of an order's transfer template: entered, looked at, sent, and what became of it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from catalog.permissions import require
from integrations.metrc.admin.template_cures import Shown, shown
from integrations.metrc.admin.template_form import TemplateForm
from integrations.metrc.draft_template import EDITABLE, CannotDraft, State, proposed_for
from integrations.metrc.mapping.preflight import problems_of
from integrations.metrc.mapping.refusals import told
from integrations.metrc.mapping.template_words import (
    in_words,
    plain_number,
    price_in_words,
    weight_in_words,
)
from integrations.metrc.mapping.troubles import Trouble
from integrations.metrc.models import PackageAssignment, TransferTemplate, TransferType
from integrations.metrc.order_steps import match_of, steps_of
from integrations.metrc.send_template import DID_NOT_ARRIVE
from integrations.metrc.template_differences import differences_of
from integrations.metrc.template_facts import Planned, is_for, planned
from integrations.metrc.work_kinds import TEMPLATE_WORK
from integrations.models import WorkItem
from orders.models import SalesOrder

SENDS = "metrc.send_transfertemplate"
# Suggested; Metrc's own list of units differs by state, so others can be typed.
WEIGHT_UNITS = ("Grams", "Kilograms", "Ounces", "Pounds")
# Fields that stand together, with the heading of each group.
GROUPS = (
    ("When and how", ("transfer_type", "departs_at", "arrives_at", "planned_route")),
    ("Driver", ("driver_name", "driver_license", "driver_employee_id")),
    (
        "Vehicle",
        ("vehicle_make", "vehicle_model", "vehicle_plate", "vehicle_registration"),
    ),
    ("Transporter", ("transporter_license", "phone")),
    ("Gross weight", ("gross_weight", "gross_weight_unit")),
)
# Fields that only some transfer types need, by the flag that says so.
NEEDED_BY = {
    "vehicle_registration": "registration",
    "gross_weight": "weight",
    "gross_weight_unit": "weight weights",
}


@dataclass(frozen=True)
class Field:
    """A field of the form with what is wrong with it."""

    bound: Any
    troubles: list[Trouble]
    needed_by: str


@dataclass(frozen=True)
class PackageRow:
    """A package as it goes on the template."""

    assignment: PackageAssignment | None
    label: str
    item: str
    quantity: str
    price: str
    weight: str
    entered_weight: str
    troubles: list[Trouble]


def order_of(order_id: int) -> SalesOrder:
    """The order with what the page needs of it; 404 without one."""
    orders = SalesOrder.objects.select_related("destination", "facility")
    return get_object_or_404(orders, pk=order_id)


def page(request: HttpRequest, order_id: int) -> HttpResponse:
    """Show the order's template, whatever state it is in."""
    require(request, "metrc.view_transfertemplate")
    return show(request, order_of(order_id))


def show(request: HttpRequest, order: SalesOrder, form: TemplateForm | None = None) -> HttpResponse:
    """The page; `form` is one that was sent and can't be saved."""
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Transfer template of {order}",
        "opts": TransferTemplate._meta,
        "order": order,
        "back": reverse("admin:orders_salesorder_change", args=[order.pk]),
        "steps": steps_of(order, request, here="template"),
    }
    try:
        template = proposed_for(order)
    except CannotDraft as error:
        trouble = Trouble("cannot_draft", str(error), error.where)
        context["cannot"] = shown(request, order, None, trouble)
        return TemplateResponse(request, "admin/metrc/template.html", context)
    plan = planned(order, template)
    is_open = template.state in EDITABLE
    may_send = request.user.has_perm(SENDS)
    context |= {
        "template": template,
        "plan": plan,
        "is_open": is_open,
        "may_send": may_send,
        "may_look": request.user.has_perm("metrc.sync_metrcaccount"),
        "match": match_of(order),
        "waits": is_open and _is_queued(template),
        "zone": plan.facts.manner.zone.key,
        "words": in_words(
            plan.facts.entry,
            plan.facts.kind,
            plan.facts.manner,
            plan.facts.recipient.name if is_for(template, order) else "",
        ),
        "differences": [] if is_open else _differences(template, order),
    }
    refused = told(template.problem, template.labels) if template.problem else []
    troubles = problems_of(plan.facts) if is_open else []
    context["refused"] = _shown(request, order, template, refused) if _is_refusal(template) else []
    context["note"] = "" if _is_refusal(template) else template.problem
    context |= {
        "troubles": _shown(request, order, template, [t for t in troubles if not t.is_warning]),
        "warnings": _shown(request, order, template, [t for t in troubles if t.is_warning]),
        "packages": _packages(template, plan, [*refused, *troubles], is_open=is_open),
        "total": sum(plan.prices.values()),
    }
    if is_open and may_send:
        form = form or TemplateForm(template, plan.facts.manner.zone)
        context |= _form_context(form, template, [*refused, *troubles])
        context["seen"] = fingerprint(plan)
    return TemplateResponse(request, "admin/metrc/template.html", context)


def fingerprint(plan: Planned) -> str:
    """What tells a body from any other, so that what is sent is what was looked at."""
    return hashlib.sha256(json.dumps(plan.body, sort_keys=True).encode()).hexdigest()[:24]


def _is_refusal(template: TransferTemplate) -> bool:
    return template.state == State.REFUSED and bool(template.problem)


def _is_queued(template: TransferTemplate) -> bool:
    """Whether the queue will send it."""
    if template.state != State.DRAFT or template.problem not in ("", DID_NOT_ARRIVE):
        return False
    rows = WorkItem.objects.filter(
        connection=template.facility.account_id, kind=TEMPLATE_WORK, key=str(template.pk)
    )
    return rows.filter(stuck_at__isnull=True).exists()


def _differences(template: TransferTemplate, order: SalesOrder) -> list[str]:
    template.order = order
    return differences_of(template)


def _shown(
    request: HttpRequest, order: SalesOrder, template: TransferTemplate, troubles: list[Trouble]
) -> list[Shown]:
    return [shown(request, order, template.facility, one) for one in troubles]


def _form_context(
    form: TemplateForm, template: TransferTemplate, troubles: list[Trouble]
) -> dict[str, Any]:
    by_field: dict[str, list[Trouble]] = {}
    for one in troubles:
        by_field.setdefault(one.where, []).append(one)
    types = list(TransferType.objects.filter(facility=template.facility_id, is_listed=True))
    facility = template.facility
    return {
        "form": form,
        "groups": [
            (
                heading,
                [
                    Field(form[name], by_field.get(name, []), NEEDED_BY.get(name, ""))
                    for name in names
                ],
            )
            for heading, names in GROUPS
        ],
        "types": [(one, _needs(one)) for one in types if one.is_licensed],
        "chosen_type": form["transfer_type"].value() or "",
        "type_names": [one.name for one in types if one.is_licensed],
        "drivers": list(facility.drivers.filter(is_listed=True)),
        "vehicles": list(facility.vehicles.filter(is_listed=True)),
        "weight_units": WEIGHT_UNITS,
    }


def _needs(kind: TransferType) -> str:
    """What a type needs, as the page's script reads it."""
    needs = {
        "weight": kind.needs_destination_weight,
        "weights": kind.needs_package_weights,
        "registration": kind.needs_vehicle_registration,
    }
    return " ".join(name for name, is_needed in needs.items() if is_needed)


def _packages(
    template: TransferTemplate, plan: Planned, troubles: list[Trouble], *, is_open: bool
) -> list[PackageRow]:
    """The packages as they would be sent, or as they were."""
    body = plan.body if is_open else template.body
    stops = body.get("Destinations") or [{}]
    by_label = {one.package.label: one for one in plan.assignments}
    price_is = template.facility.account.price_is
    rows = []
    for sent in stops[0].get("Packages", []):
        label = sent["PackageLabel"]
        one = by_label.get(label)
        rows.append(
            PackageRow(
                one,
                label,
                one.line.name if one else "Not on the order any more",
                f"{plain_number(one.package.quantity)} {one.package.unit}" if one else "",
                price_in_words(sent, price_is),
                weight_in_words(sent),
                plain_number(one.gross_weight) if one else "",
                [trouble for trouble in troubles if trouble.about == label],
            )
        )
    return rows


def tell(request: HttpRequest, problems: list[str]) -> None:
    """Say what was wrong with what was entered."""
    for problem in problems:
        messages.error(request, problem)
