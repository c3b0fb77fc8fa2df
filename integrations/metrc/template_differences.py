"""Where what Metrc has as an order's template is no longer what the order says."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from catalog.decimals import money
from integrations.metrc.draft_template import State, same_license
from integrations.metrc.mapping.template_body import PackageEntry, price_sent
from integrations.metrc.models import PackageAssignment, TransferTemplate
from integrations.metrc.package_prices import prices_of
from integrations.metrc.template_facts import is_for
from orders.status import Status

MOST_NAMED = 3


def differences_of(template: TransferTemplate) -> list[str]:
    """How a template that is in Metrc differs from its order, in sentences; [] when it does not.

    Needs `order` with destination and facility, and `facility` with its account.
    """
    return differing([template]).get(template.pk, [])


def differing(templates: Iterable[TransferTemplate]) -> dict[int, list[str]]:
    """By id of template how it differs, of those that do. Two queries, however many there are."""
    sent = [one for one in templates if one.state == State.SENT]
    rows = PackageAssignment.objects.filter(
        line__order__in=[one.order_id for one in sent], ended_at__isnull=True
    )
    by_order: dict[int, list[PackageAssignment]] = {}
    for row in rows.select_related("line", "package").defer("package__raw"):
        by_order.setdefault(row.line.order_id, []).append(row)
    found = {one.pk: _of(one, by_order.get(one.order_id, [])) for one in sent}
    return {pk: sentences for pk, sentences in found.items() if sentences}


def _of(template: TransferTemplate, assignments: list[PackageAssignment]) -> list[str]:
    order = template.order
    if order.status == Status.CANCELED:
        return ["The order is canceled."]
    found = []
    ours = {one.package.label for one in assignments}
    theirs = set(template.labels)
    if ours - theirs:
        found.append(f"{_packages(ours - theirs)} assigned since and not on the template.")
    if theirs - ours:
        found.append(f"{_packages(theirs - ours)} on the template and no longer on the order.")
    if not is_for(template, order):
        now = order.destination.license_number if order.destination else ""
        found.append(
            f"The order goes to license {now or '(none)'}, the template to "
            f"{template.recipient_license or '(none)'}."
        )
    if order.facility_id != template.facility.facility_id:
        found.append(
            f"The order ships from {order.facility or 'no facility'}, the template from "
            f"{template.facility}."
        )
    if not same_license(template.name, order.number):
        found.append(f"The order is {order.number} now.")
    dearer = _other_prices(template, assignments)
    if dearer:
        found.append(f"The price of {_packages(dearer, '')} is another one now.")
    return found


def _packages(labels: Collection[str], verb: str = "yes") -> str:
    """Packages by their tags, as many as anybody reads."""
    named = sorted(labels)[:MOST_NAMED]
    more = len(labels) - len(named)
    many = "s" if len(labels) != 1 else ""
    text = f"ackage{many} {', '.join(named)}" + (f" and {more} more" if more else "")
    if not verb:
        return f"p{text}"
    return f"P{text} {'are' if many else 'is'}"


def _other_prices(template: TransferTemplate, assignments: list[PackageAssignment]) -> list[str]:
    """The tags of packages whose price was sent as another one than it is now."""
    was = _prices_in(template.body)
    prices = prices_of(assignments)
    price_is = template.facility.account.price_is
    found = []
    for one in assignments:
        label = one.package.label
        entry = PackageEntry(label, prices.get(one.pk), one.package.quantity)
        is_now = price_sent(entry, price_is)
        if label in was and _cents(was[label]) != _cents(is_now):
            found.append(label)
    return found


def _prices_in(body: Any) -> dict[str, Any]:
    stops = body.get("Destinations", []) if isinstance(body, dict) else []
    return {
        one["PackageLabel"]: one["WholesalePrice"] for stop in stops for one in stop["Packages"]
    }


def _cents(value: Any) -> Decimal | None:
    return None if value is None else money(value)
