"""What a template says, in words for people: nothing of Metrc's own format."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from catalog.decimals import plain, with_thousands
from integrations.metrc.mapping.template_body import PER_UNIT, Manner, TemplateEntry, TypeFacts
from integrations.metrc.mapping.template_times import on_the_clock

NOTHING = "–"


def in_words(
    entry: TemplateEntry, kind: TypeFacts | None, manner: Manner, recipient: str
) -> list[tuple[str, str]]:
    """Each thing that is sent, but the packages: what it is, and what it says.

    `recipient` is the name of who gets it, "" where that is not known."""
    to = _joined(recipient, _with("license", entry.recipient_license))
    driver = _joined(
        entry.driver_name,
        _with("driver's license", entry.driver_license),
        _with("occupational license", entry.driver_employee_id),
    )
    vehicle = _joined(
        " ".join(filter(None, (entry.vehicle_make, entry.vehicle_model))),
        _with("plate", entry.vehicle_plate),
        _with("registration", entry.vehicle_registration)
        if kind and kind.needs_vehicle_registration
        else "",
    )
    rows = [
        ("Name and invoice number", entry.name),
        ("To", to or NOTHING),
        ("Transfer type", entry.transfer_type or NOTHING),
        ("Departure", moment_in_words(entry.departs_at, manner.zone)),
        ("Arrival", moment_in_words(entry.arrives_at, manner.zone)),
        ("Planned route", entry.planned_route or NOTHING),
        ("Transporter's license", entry.transporter_license or NOTHING),
        ("Driver", driver or NOTHING),
        ("Vehicle", vehicle or NOTHING),
        ("Phone for questions", entry.phone or NOTHING),
    ]
    if kind and kind.needs_destination_weight:
        weight = entry.gross_weight
        text = f"{with_thousands(weight)} {entry.gross_weight_unit}" if weight else NOTHING
        rows.append(("Gross weight", text))
    return rows


def price_in_words(package: Mapping[str, Any], price_is: str) -> str:
    """The price of a package of a body."""
    price = package.get("WholesalePrice")
    if price is None:
        return NOTHING
    return f"${price:,.2f}" + (" a unit" if price_is == PER_UNIT else "")


def weight_in_words(package: Mapping[str, Any]) -> str:
    """The gross weight of a package of a body; "" for none."""
    weight = package.get("GrossWeight")
    if weight is None:
        return ""
    return f"{weight:,g} {package.get('GrossUnitOfWeightName') or ''}".strip()


def moment_in_words(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment by the clock there, with the time zone named."""
    if moment is None:
        return NOTHING
    local = on_the_clock(moment, zone)
    name = moment.astimezone(zone).tzname()
    return f"{local:%a, %b} {local.day}, {local.year}, {local:%H:%M} ({name})"


def plain_number(value: Any) -> str:
    """A number as it stands in a field; "" for none."""
    return "" if value is None else plain(value)


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _with(what: str, value: str) -> str:
    return f"{what} {value}" if value else ""
