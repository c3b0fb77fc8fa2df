"""What speaks for a delivery being an order's, and against it, in words for people."""

from collections.abc import Collection

from integrations.metrc.mapping.match_facts import (
    DeliveryFacts,
    OrderFacts,
    invoice_key,
    is_in_time,
    is_own_template,
    is_same_customer,
)


def reasons_for(order: OrderFacts, one: DeliveryFacts) -> tuple[str, ...]:
    """What speaks for it, in words."""
    shared = len(order.labels & one.labels)
    found = []
    if is_own_template(order, one):
        found.append("Made from the order's template")
    if is_same_customer(order, one):
        found.append("Same customer")
    if shared:
        found.append(f"{shared} of the order's {len(order.labels)} packages")
    if invoice_key(one.invoice) == invoice_key(order.number):
        found.append("The invoice number is the order's number")
    return tuple(found)


def doubts_about(order: OrderFacts, one: DeliveryFacts) -> tuple[str, ...]:
    """What speaks against it when one looks at these two alone, in words."""
    found = []
    if not order.recipient:
        found.append("The order's customer has no license number")
    elif not one.recipient:
        found.append("Metrc doesn't say who gets it")
    elif not is_same_customer(order, one):
        found.append(f"Another customer: {one.recipient_name or one.recipient}")
    if order.labels and order.labels - one.labels:
        found.append(f"Without the order's packages {some(order.labels - one.labels)}")
    if order.labels and one.labels - order.labels:
        found.append(f"Also packages that aren't the order's: {some(one.labels - order.labels)}")
    if order.labels and not order.is_filled:
        found.append("The packages assigned to the order don't fill all of its lines")
    if not order.labels and one.labels:
        found.append("The order has no packages to compare")
    if one.is_back:
        found.append("All of it was rejected or came back")
    elif not one.labels:
        found.append("Metrc names no packages in it")
    if not is_in_time(order, one):
        found.append(
            "Registered before the order asked for it"
            if one.registered_at
            else "Metrc doesn't say when it was registered"
        )
    return tuple(found)


def some(labels: Collection[str]) -> str:
    """The first few labels, for a sentence."""
    shown = sorted(labels)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
