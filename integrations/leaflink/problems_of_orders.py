"""What holds orders up, by what mends it: one problem for a rep that is not mapped, however many
orders wait for that rep. Each source costs the same few queries however many orders there are.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Count, F, Min, Sum
from django.urls import reverse, reverse_lazy

from integrations import problems
from integrations.leaflink import map_reps
from integrations.leaflink.cures import page
from integrations.leaflink.models import Blocker, Order, Staff
from integrations.leaflink.payments_due import waiting_for_somebody
from integrations.models import Notice
from integrations.problems import Act, Problem, Source

Code = Blocker.Code


def _blockers(code: Blocker.Code) -> Any:
    """The reasons of this kind that hold orders of accounts that are switched on."""
    held = {"order__state": Order.State.HELD, "order__account__is_active": True}
    return Blocker.objects.filter(code=code, **held).order_by()


def _by(code: Blocker.Code, *subject: str) -> Any:
    """How many orders each subject holds, what they are worth, and since when, in one query."""
    rows = _blockers(code).values(*subject, account=F("order__account"))
    return rows.annotate(
        orders=Count("order", distinct=True),
        value=Sum("order__total"),
        since=Min("order__placed_at"),
        first_order=Min("order"),
    )


def _of(row: dict[str, Any]) -> dict[str, Any]:
    """What every problem about a subject says."""
    return {
        "connection_id": row["account"],
        "waiting": row["orders"],
        "value": row["value"],
        "since": row["since"],
    }


def unmapped_reps() -> Iterator[Problem]:
    """A problem for each rep who is not mapped and on held orders; mapped in place if suggested."""
    rows = list(_by(Code.REP_UNMAPPED, "staff", "staff__name", "staff__email"))
    people = Staff.objects.filter(pk__in=[row["staff"] for row in rows if row["staff"]])
    suggested = map_reps.suggested(list(people.defer("raw")))
    for row in rows:
        if not row["staff"]:
            yield _order_problem(row, "A rep is not in LeafLink's staff list.", "Look at the order")
            continue
        name = row["staff__name"] or row["staff__email"] or "A rep without name"
        rep = suggested.get(row["staff"])
        cure = page(f"Map {name}", "leaflink_staff_change", row["staff"])
        act = None
        if not rep and row["staff__email"]:
            act = Act(
                f"Make {name} a sales rep",
                reverse("admin:leaflink_staff_create_rep", args=[row["staff"]]),
                permissions=("leaflink.change_staff", "customers.add_salesrep"),
            )
        if rep:
            act = Act(
                f"Map to {rep}",
                reverse("admin:leaflink_staff_match"),
                ((f"rep-{row['staff']}", str(rep.pk)),),
                ("leaflink.change_staff", "customers.view_salesrep"),
            )
        text = f"Rep {name} is not mapped to a sales rep."
        key = f"staff {row['staff']}"
        yield Problem(key, text, cure.label, cure.url, act=act, **_of(row))


def _order_problem(row: dict[str, Any], text: str, cure: str) -> Problem:
    url = reverse("admin:leaflink_order_change", args=[row["first_order"]])
    return Problem(f"order {row['first_order']}", text, cure, url, **_of(row))


def unlinked_products() -> Iterator[Problem]:
    """A problem for each product that is on held orders and not linked."""
    names = ("product", "product__name", "product__sku")
    for row in _by(Code.PRODUCT_UNLINKED, *names):
        if not row["product"]:
            text = "A product that LeafLink's list does not have (yet) is on the order."
            yield _order_problem(row, text, "Look at the order")
            continue
        sku, name = row["product__sku"], row["product__name"] or "A product without name"
        cure = page("Link it", "leaflink_listing_workbench", q=sku or name)
        text = f"{name}{f' ({sku})' if sku else ''} is not linked to an item."
        yield Problem(f"product {row['product']}", text, cure.label, cure.url, **_of(row))


def short_of_stock() -> Iterator[Problem]:
    """A problem for each item of which held orders need more than is free."""
    names = ("item", "item__name", "item__sku", "facility", "facility__name")
    rows = _by(Code.SHORT_OF_STOCK, *names).annotate(missing=Sum("missing"))
    for row in rows:
        if not row["item"]:
            yield _order_problem(row, "There is not enough stock.", "Look at the order")
            continue
        where = f" at {row['facility__name']}" if row["facility"] else ""
        chosen = {"item": row["item"], "facility": row["facility"]}
        cure = page("Receive stock", "catalog_stock_add", **chosen)
        text = f"There is not enough of {row['item__name']} ({row['item__sku']}){where}."
        key = f"item {row['item']} facility {row['facility'] or '-'}"
        yield Problem(key, text, cure.label, cure.url, **_of(row))


def _one_by_one(code: Blocker.Code, cure: str) -> Iterator[Problem]:
    """For reasons that are mended on the order itself: one problem for each order."""
    rows = _blockers(code).select_related("order").defer("order__raw").order_by("order__placed_at")
    for blocker in rows:
        order = blocker.order
        yield Problem(
            key=f"order {order.pk}",
            text=f"{order} of {order.buyer or 'an unknown buyer'}: {blocker.text}",
            cure=cure,
            url=reverse("admin:leaflink_order_change", args=[order.pk]),
            since=order.placed_at,
            connection_id=order.account_id,
            waiting=1,
            value=order.total,
        )


def without_rep() -> Iterator[Problem]:
    """A problem for each account with orders without a rep: one choice there mends them all."""
    for row in _by(Code.NO_REP, "order__account__name"):
        cure = page("Choose a rep for such orders", "leaflink_account_rules", row["account"])
        text = f"{row['order__account__name']}: orders come without a sales rep."
        url = f"{cure.url}#rule-fallback_rep"
        yield Problem("no rep", text, cure.label, url, **_of(row))


def unknown_customers() -> Iterator[Problem]:
    return _one_by_one(Code.CUSTOMER_UNKNOWN, "Choose the destination")


def different_totals() -> Iterator[Problem]:
    return _one_by_one(Code.TOTAL_MISMATCH, "Look at the totals")


def unreadable_orders() -> Iterator[Problem]:
    return _one_by_one(Code.UNREADABLE, "Look at the order")


def conflicts() -> Iterator[Problem]:
    """A problem for each order on which the two sides don't agree."""
    rows = Order.objects.filter(Order.unsettled(), account__is_active=True, gone_at__isnull=True)
    for order in rows.defer("raw").order_by("placed_at"):
        said = order.refused or order.state_reason or "It was changed here and in LeafLink."
        yield Problem(
            key=f"order {order.pk}",
            text=f"{order} of {order.buyer or 'an unknown buyer'}: {said}",
            cure="Compare and choose",
            url=reverse("admin:leaflink_order_change", args=[order.pk]),
            since=order.modified or order.first_seen_at,
            connection_id=order.account_id,
            waiting=1,
            value=order.total,
        )


def payments() -> Iterator[Problem]:
    """A problem for each payment that LeafLink does not have, and only a person can help."""
    rows = waiting_for_somebody().filter(order__account__is_active=True)
    rows = rows.select_related("order", "payment").defer("order__raw").order_by("pk")
    for row in rows:
        verb = "is not taken back in LeafLink" if row.is_void else "is not in LeafLink"
        yield Problem(
            key=f"payment {row.pk}",
            text=f"A payment on {row.order} {verb}: {row.problem}",
            cure="Look at the payment",
            url=reverse("admin:leaflink_order_conflicts"),
            since=row.payment.recorded_at,
            connection_id=row.order.account_id,
            waiting=1,
            value=row.payment.amount,
        )


def _held(code: Blocker.Code) -> Callable[[], str]:
    """Where the orders are listed that this holds."""
    orders = reverse_lazy("admin:leaflink_order_changelist")
    return lambda: f"{orders}?blockers__code__exact={code.value}"


def _source(code: Blocker.Code, label: str, find: problems.Find) -> Source:
    return Source(code.value, label, HELD, find, ORDER, listed=_held(code))


ORDER, HELD = "leaflink.view_order", Notice.Category.HELD
SOURCES = (
    _source(Code.REP_UNMAPPED, "Map sales reps", unmapped_reps),
    _source(Code.PRODUCT_UNLINKED, "Link products that are on orders", unlinked_products),
    _source(Code.SHORT_OF_STOCK, "Receive or correct stock", short_of_stock),
    _source(Code.CUSTOMER_UNKNOWN, "Say who the customer is", unknown_customers),
    _source(Code.NO_REP, "Choose a rep for orders without one", without_rep),
    _source(Code.TOTAL_MISMATCH, "Check totals that differ", different_totals),
    _source(Code.UNREADABLE, "Look at orders that can't be read", unreadable_orders),
    Source(
        "conflict",
        "Choose between ours and LeafLink's",
        Notice.Category.CONFLICT,
        conflicts,
        ORDER,
        listed=lambda: reverse("admin:leaflink_order_conflicts"),
    ),
    Source("payment", "Help payments on", Notice.Category.PAYMENT, payments, ORDER, of="payment"),
)
