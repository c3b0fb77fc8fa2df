"""The template that is being made for an order: what it begins with, and saving what was entered.

What the order says (name, invoice number, recipient, license that ships) follows the order until it
is sent; the rest is entered, and begins with what was used last.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from customers.models import normalized_license
from integrations.metrc.mapping.template_times import next_departure
from integrations.metrc.mapping.troubles import ACCOUNT, ORDER
from integrations.metrc.models import Driver, MetrcFacility, TransferTemplate, TransferType, Vehicle
from integrations.metrc.template_facts import zone_of
from orders.models import SalesOrder

State = TransferTemplate.State
# What can still be changed: nothing of it is in Metrc.
EDITABLE = (State.DRAFT, State.REFUSED)
DRIVE = timedelta(hours=2)
LONGEST_DRIVE = timedelta(days=3)

DRIVER = ("driver_name", "driver_license", "driver_employee_id")
VEHICLE = ("vehicle_make", "vehicle_model", "vehicle_plate", "vehicle_registration")
REPEATED = (
    *DRIVER,
    *VEHICLE,
    "transfer_type",
    "transporter_license",
    "phone",
    "gross_weight_unit",
)
ENTERED = (*REPEATED, "planned_route", "departs_at", "arrives_at", "gross_weight")
FOLLOWED = ("facility", "name", "recipient_license", "invoice_number")


class CannotDraft(Exception):
    """No template can be made for the order; the text says why, `where` on which page (see
    `mapping.troubles`) that is mended."""

    def __init__(self, text: str, where: str) -> None:
        super().__init__(text)
        self.where = where


class NotEditable(Exception):
    """The template is in Metrc, or may be; the text says what can be done."""


def proposed_for(order: SalesOrder) -> TransferTemplate:
    """The order's template in force; where there is none, one as it would begin, not saved yet.

    Of one that can be changed, what follows the order is as the order says now. Raises CannotDraft.
    """
    template = in_force(order)
    if template is not None and template.state not in EDITABLE:
        return template
    facility = facility_for(order)
    if template is None:
        template = _begun(order, facility)
    for name, value in _followed(order, facility).items():
        setattr(template, name, value)
    return template


def draft_for(order: SalesOrder) -> TransferTemplate:
    """The order's template in force, made if there is none. Raises CannotDraft."""
    template = proposed_for(order)
    if template.pk:
        return template
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError:
        # Somebody else made it in the same moment.
        return proposed_for(order)
    return template


def in_force(order: SalesOrder) -> TransferTemplate | None:
    """The template of the order that is not withdrawn, whatever its state; None without one."""
    rows = TransferTemplate.objects.filter(order=order.pk).exclude(state=State.WITHDRAWN)
    return rows.select_related("facility__account", "facility__facility", "sent_by").first()


def facility_for(order: SalesOrder) -> MetrcFacility:
    """The license that ships the order. Raises CannotDraft when none is connected."""
    if order.facility_id is None:
        raise CannotDraft("The order has no facility that ships it. Choose one.", ORDER)
    rows = MetrcFacility.objects.filter(facility=order.facility_id)
    facility = rows.select_related("account", "facility").first()
    if facility is None:
        raise CannotDraft(
            f"{order.facility} is not connected with Metrc. On the Metrc account, say which "
            "license it is.",
            ACCOUNT,
        )
    return facility


def follow(template_id: int, order: SalesOrder) -> None:
    """Write what follows the order, where it has changed and can still be changed."""
    facility = facility_for(order)
    rows = TransferTemplate.objects.filter(pk=template_id, state__in=EDITABLE)
    rows.update(**_followed(order, facility))


@transaction.atomic
def save(template_id: int, entered: Mapping[str, Any]) -> list[str]:
    """Write what was entered, only what differs; returns the names of those fields.

    Raises NotEditable when the template is in Metrc, or may be.
    """
    template = TransferTemplate.objects.select_for_update(of=("self",)).get(pk=template_id)
    if template.state not in EDITABLE:
        raise NotEditable(
            "The template is in Metrc as it was sent, or may be. Withdraw it and make a new one."
        )
    changed = {
        name: value
        for name, value in entered.items()
        if name in ENTERED and getattr(template, name) != value
    }
    if changed:
        TransferTemplate.objects.filter(pk=template_id).update(**changed)
    return sorted(changed)


def _followed(order: SalesOrder, facility: MetrcFacility) -> dict[str, Any]:
    """By field what the order says."""
    return {
        "facility": facility,
        "name": order.number,
        "invoice_number": order.number,
        "recipient_license": order.destination.license_number if order.destination else "",
    }


def _begun(order: SalesOrder, facility: MetrcFacility) -> TransferTemplate:
    """A template with what is likeliest: as last time, or the only choice there is."""
    template = TransferTemplate(order=order, **_followed(order, facility))
    template.transporter_license = facility.license_number
    template.phone = facility.account.phone_for_questions
    _only_choices(template)
    same = _last(order, facility, to_the_same=True)
    last = same or _last(order, facility, to_the_same=False)
    if last:
        _repeat(template, last)
    if same:
        template.planned_route = same.planned_route
        template.gross_weight = same.gross_weight if same.order_id == order.pk else None
    _plan_times(template, order, same)
    return template


def _last(
    order: SalesOrder, facility: MetrcFacility, *, to_the_same: bool
) -> TransferTemplate | None:
    """The template last sent from the license: for this order or customer, or for anybody."""
    rows = TransferTemplate.objects.filter(facility=facility, sent_at__isnull=False)
    if not to_the_same:
        return rows.order_by("-sent_at", "-pk").first()
    own = rows.filter(order=order.pk).order_by("-sent_at", "-pk").first()
    if own or order.destination_id is None:
        return own
    return rows.filter(order__destination=order.destination_id).order_by("-sent_at", "-pk").first()


def _repeat(template: TransferTemplate, last: TransferTemplate) -> None:
    types = TransferType.objects.filter(
        facility=template.facility_id, name=last.transfer_type, is_listed=True, is_licensed=True
    )
    for name in REPEATED:
        value = getattr(last, name)
        if value and (name != "transfer_type" or types.exists()):
            setattr(template, name, value)


def _only_choices(template: TransferTemplate) -> None:
    """Choose what there is but one of: type, driver, vehicle."""
    here = {"facility": template.facility_id, "is_listed": True}
    types = TransferType.objects.filter(is_licensed=True, **here)[:2]
    if len(types) == 1:
        template.transfer_type = types[0].name
    drivers = Driver.objects.filter(**here)[:2]
    if len(drivers) == 1:
        template.driver_name = drivers[0].name
        template.driver_license = drivers[0].license_number
        template.driver_employee_id = drivers[0].employee_id
    vehicles = Vehicle.objects.filter(**here)[:2]
    if len(vehicles) == 1:
        template.vehicle_make = vehicles[0].make
        template.vehicle_model = vehicles[0].model
        template.vehicle_plate = vehicles[0].plate


def _plan_times(
    template: TransferTemplate, order: SalesOrder, same: TransferTemplate | None
) -> None:
    """Departure by the delivery date, arrival after as long a drive as last time."""
    now: datetime = timezone.now()
    departs = next_departure(order.delivery_date, now, zone_of(order.facility))
    drive = DRIVE
    if same and same.departs_at and same.arrives_at:
        lasted = same.arrives_at - same.departs_at
        drive = lasted if timedelta(0) < lasted <= LONGEST_DRIVE else DRIVE
    template.departs_at, template.arrives_at = departs, departs + drive


def same_license(one: str, other: str) -> bool:
    """Whether two license numbers are the same, however they are spelled."""
    return normalized_license(one) == normalized_license(other)
