"""What a request body may change on orders. Strict about values, and deaf to what isn't writable.

Each function gives changes by field of our records, or raises Invalid that names every bad field.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from integrations.leaflink.sandbox.errors import Invalid
from integrations.leaflink.sandbox.payment_terms import METHODS, TERMS, option
from integrations.leaflink.sandbox.records import Company, Order, OrderLine

if TYPE_CHECKING:
    from integrations.leaflink.sandbox.world import World

LARGEST = Decimal(10) ** 10
LONGEST_ID, LONGEST_NOTE = 36, 2000


# -- values: each raises ValueError with the message for the field ---------------------------


def amount(value: Any, *, negative: bool = False) -> Decimal:
    """A number, or the amount of a money object; finite, and not below zero unless allowed."""
    if isinstance(value, dict):
        value = value.get("amount")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("A valid number is required.") from None
    if not number.is_finite() or abs(number) > LARGEST:
        raise ValueError("A valid number is required.")
    if number < 0 and not negative:
        raise ValueError("Ensure this value is greater than or equal to 0.")
    return number


def whole(value: Any) -> int:
    """A whole number that is at least 1."""
    number = amount(value)
    if number < 1 or number != number.to_integral_value():
        raise ValueError("Ensure this value is a whole number, and at least 1.")
    return int(number)


def moment(value: Any) -> datetime:
    """A time. One without an offset is taken for UTC, as LeafLink does."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError("Enter a valid date/time.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def day(value: Any) -> str:
    """A date, as text."""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError("Date has wrong format. Use YYYY-MM-DD.") from None


def text(value: Any, longest: int = LONGEST_NOTE) -> str:
    """Text of limited length."""
    if not isinstance(value, str):
        raise ValueError("Not a valid string.")
    if len(value) > longest:
        raise ValueError(f"Ensure this field has no more than {longest} characters.")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("Must be a valid boolean.")
    return value


def one_of(*known: Any) -> Callable[[Any], Any]:
    """A check that a value is one of these."""

    def check(value: Any) -> Any:
        if value not in known:
            raise ValueError(f'"{value}" is not a valid choice.')
        return value

    return check


def or_null(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The check, or None as it is."""
    return lambda value: None if value is None else check(value)


def external_ids(value: Any, present: dict[str, str], owner: Company) -> dict[str, str]:
    """The ids after a change: keys are added and replaced, null removes one.

    With `owner.external_id_keys` None every key is taken; a list stands for those that LeafLink
    has set up for this seller.
    """
    if not isinstance(value, dict):
        raise ValueError("Expected an object of key and value.")
    kept = dict(present)
    for key, one in value.items():
        if owner.external_id_keys is not None and key not in owner.external_id_keys:
            raise ValueError(f'"{key}" is not a known key.')
        if one is None:
            kept.pop(key, None)
        else:
            kept[key] = text(one, LONGEST_ID)
    return kept


def sorted_out(
    body: dict[str, Any], change: Callable[[str, Any], dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The changes that `change` makes of each field, and the messages for those it refuses."""
    errors: dict[str, list[str]] = {}
    changes: dict[str, Any] = {}
    for name, value in body.items():
        try:
            changes |= change(name, value)
        except ValueError as error:
            errors[name] = [str(error)]
    return changes, errors


def collect(body: dict[str, Any], change: Callable[[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """The changes that `change` makes of each field. Raises Invalid that names every bad one."""
    changes, errors = sorted_out(body, change)
    if errors:
        raise Invalid(errors)
    return changes


# -- orders and lines -----------------------------------------------------------------------


def order_changes(world: World, body: dict[str, Any], order: Order) -> dict[str, Any]:
    """The changes a body asks for. Not writable, so ignored: status, customer, reps, addresses."""

    def change(name: str, value: Any) -> dict[str, Any]:
        if name == "external_ids":
            owner = world.companies[order.seller_id]
            return {name: external_ids(value, order.external_ids, owner)}
        if name == "selected_payment_option":
            return _payment_option(value)
        if name == "tax_type":
            one_of("%")(value)
            return {}
        if name in ORDER_FIELDS:
            field, check = ORDER_FIELDS[name]
            return {field: check(value)}
        return {}

    return collect(body, change)


# API name: (field of the record, check)
ORDER_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "discount": ("discount", amount),
    "discount_type": ("discount_type", one_of("%", "$")),
    "tax_amount": ("tax_rate", amount),
    "shipping_charge": ("shipping", amount),
    "payment_term": ("payment_term", text),
    "payment_due_date": ("payment_due_date", or_null(moment)),
    "paid": ("paid", flag),
    "paid_date": ("paid_date", or_null(day)),
    "ship_date": ("ship_date", or_null(moment)),
    "shipping_details": ("shipping_details", or_null(text)),
    "notes": ("notes", or_null(text)),
    "internal_notes": ("internal_notes", or_null(text)),
    "delivery_preferences": ("delivery_preferences", or_null(text)),
    "delivery_provider": ("delivery_provider", or_null(whole)),
    "delivery_info": ("delivery_info", lambda value: _delivery_info(value)),
    "classification": ("classification", text),
}


def _delivery_info(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("Expected an object.")
    kinds = {1: "Drop Off", 2: "Pick Up", 3: "In Storage", 4: "Will Call", None: None}
    kind = one_of(*kinds)(value.get("acquire_type"))
    at = value.get("acquire_date")
    return {
        "acquire_date": moment(at).isoformat() if at else None,
        "acquire_type": kind,
        "get_acquire_type_display": kinds[kind] or "",
        "manifest_number": or_null(lambda number: text(number, 50))(value.get("manifest_number")),
    }


def _payment_option(value: Any) -> dict[str, Any]:
    chosen = value if isinstance(value, dict) else {}
    term = one_of(*TERMS)(chosen.get("payment_term_id"))
    method = one_of(*METHODS)(chosen.get("payment_method_id"))
    return {
        "payment_term": TERMS[term][0],
        "payment_methods": [METHODS[method]],
        "selected_payment_option": option(term, method),
    }


LINE_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "ordered_unit_price": ("price", amount),
    "sale_price": ("sale_price", amount),
    "quantity": ("quantity", amount),
    "notes": ("notes", or_null(text)),
    "is_sample": ("is_sample", flag),
    "batch": ("batch", or_null(whole)),
}


def line_changes(body: dict[str, Any], line: OrderLine) -> dict[str, Any]:
    """A row for `World.edit_order` that changes this line. A quantity must be above zero."""

    def change(name: str, value: Any) -> dict[str, Any]:
        if name not in LINE_FIELDS:
            return {}
        field, check = LINE_FIELDS[name]
        found = check(value)
        if field == "quantity" and not found:
            raise ValueError("Ensure this value is greater than 0.")
        return {field: found}

    return {"id": line.id, **collect(body, change)}
