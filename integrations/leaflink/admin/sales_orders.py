"""The page of sales orders, with the LeafLink order that each came from."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from catalog.natural import natural
from catalog.permissions import require
from integrations.leaflink import timeline, unsync_orders
from integrations.leaflink.admin.order_standing import read
from integrations.leaflink.mapping.money import Parts, parts
from integrations.leaflink.mapping.payment_terms import is_other, other_text
from integrations.leaflink.mapping.statuses import Meaning, remote_state
from integrations.leaflink.models import Order, OrderPayment
from orders.admin import SalesOrderAdmin
from orders.admin.verbs import Obstacle, Verb
from orders.models import SalesOrder
from orders.status import IllegalMove

# Where a part's own name would say too little on its own.
LABELS = {"discount": "Order discount", "shipping": "Shipping charge"}

DETAILS_WAIT = "Shipping details go to LeafLink together with a delivery date: give one."

admin.site.unregister(SalesOrder)


@admin.register(SalesOrder)
class LeafLinkSalesOrderAdmin(SalesOrderAdmin):
    """Each order links to LeafLink's; its money is checked against LeafLink's own total."""

    list_display = [
        *[name for name in SalesOrderAdmin.list_display if name != "channel_number"],
        "leaflink_order_link",
    ]
    list_select_related = [*SalesOrderAdmin.list_select_related, "leaflink_order"]
    search_fields = [*SalesOrderAdmin.search_fields, "leaflink_order__number"]
    change_form_outer_before_template = "admin/leaflink/sales_order_panel.html"
    change_form_outer_after_template = "admin/leaflink/sales_order_timeline.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SalesOrder]:
        return super().get_queryset(request).defer("leaflink_order__raw")

    def check_obstacle(self, order: SalesOrder, verb: Verb) -> None:
        """What LeafLink has changed since is chosen about before the order ships."""
        mirror = None
        if verb.name == "ship":
            waiting = Order.objects.filter(sales_order=order.pk, state=Order.State.CONFLICT)
            mirror = waiting.defer("raw").first()
        if mirror and remote_state(mirror.status).meaning is Meaning.WANTED:
            raise Obstacle(
                f"{order} is not shipped: it was changed in LeafLink. Compare both and choose "
                "first.",
                reverse("admin:leaflink_order_change", args=[mirror.pk]),
            )

    @display(description="LeafLink order", ordering="channel_number")
    def leaflink_order_link(self, order: SalesOrder) -> str:
        mirror = _mirror(order)
        if mirror is None:
            return order.channel_number or "–"
        url = reverse("admin:leaflink_order_change", args=[mirror.pk])
        return format_html('<a class="lb-link" href="{}">{}</a>', url, mirror)

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        mirrors = Order.objects.filter(sales_order=natural(object_id))
        mirror = mirrors.select_related("sales_order").first()
        if mirror and mirror.sales_order and request.user.has_perm("leaflink.view_order"):
            payload = read(mirror)
            context["leaflink"] = {
                "order": mirror,
                "money": money_rows(parts(payload)) if payload else [],
                "ours": mirror.sales_order.total,
                "differs": mirror.total is not None and mirror.total != mirror.sales_order.total,
                "difference": abs((mirror.total or Decimal(0)) - mirror.sales_order.total),
                "is_less": (mirror.total or Decimal(0)) < mirror.sales_order.total,
                "timeline": timeline.of(mirror),
            }
        return context

    def offered(self, request: HttpRequest, order: SalesOrder) -> dict[str, Any]:
        """As for any order; and what LeafLink has of its terms and payments."""
        found = super().offered(request, order)
        mirror = _mirror(order)
        if mirror is None:
            return found
        found["term_notes"] = term_notes(mirror)
        if order.shipping_details and not order.delivery_date:
            found["term_notes"].append(DETAILS_WAIT)
        rows: dict[int, list[OrderPayment]] = {}
        for row in OrderPayment.objects.filter(order=mirror).select_related("payment"):
            rows.setdefault(row.payment_id, []).append(row)
        for payment in found["payments"]:
            payment.notes = [payment_note(row) for row in rows.get(payment.pk, [])]
        if not mirror.account.push_payments:
            found["payment_notes"] = [
                f"Payments are not sent to LeafLink: the account {mirror.account} says so."
            ]
        return found

    def may_remove(self, request: HttpRequest, order: SalesOrder) -> bool:
        """An order that came from LeafLink needs a permission of its own."""
        may = request.user.has_perm("leaflink.unsync_order") or _mirror(order) is None
        return may and super().may_remove(request, order)

    def removal(self, order: SalesOrder) -> dict[str, Any]:
        """The dialog asks what becomes of LeafLink's order, unless that is over."""
        mirror = _mirror(order)
        if mirror is None:
            return {}
        if remote_state(mirror.status).meaning is Meaning.OVER:
            return {"is_over": mirror.status}
        return {"leaflink_order": mirror}

    def delete(self, request: HttpRequest, order: SalesOrder) -> str:
        """Delete the order, and do in LeafLink what was chosen."""
        mirror = _mirror(order)
        if mirror is None:
            return super().delete(request, order)
        require(request, "leaflink.unsync_order")
        choice = request.POST.get("in_leaflink", "")
        if choice not in ("reject", "leave") and "leaflink_order" in self.removal(order):
            raise IllegalMove("Choose what becomes of the order in LeafLink.")
        return unsync_orders.delete(
            mirror.pk,
            reject=choice == "reject",
            reason=request.POST.get("reason", ""),
            by=request.user,  # type: ignore[arg-type]
        )


def _mirror(order: SalesOrder) -> Order | None:
    """The LeafLink order of a sales order; looked up once for each object."""
    found: Order | None = getattr(order, "leaflink_order", None)
    return found


def term_notes(mirror: Order) -> list[str]:
    """What LeafLink says of an order's terms, where that is not what ours says."""
    notes = [
        f"{row['label']}: LeafLink says {row['theirs'] or 'none'}, and both were changed. Choose "
        "on the LeafLink order."
        for row in mirror.disputed
        if row["name"] in mirror.agreed
    ]
    term = mirror.agreed.get("payment_term", "")
    if is_other(term):
        notes.append(f"LeafLink has a term of its own, “{other_text(term)}”, which stays there.")
    return notes


def payment_note(row: OrderPayment) -> str:
    """Where a payment stands in LeafLink, in words."""
    State = OrderPayment.State
    if row.problem:
        return f"LeafLink: {row.problem}"
    what = "Taken back" if row.is_void else "Noted"
    return {
        State.WAITING: "To be sent to LeafLink." if not row.is_void else "To be taken back there.",
        State.ASKED: "Sent to LeafLink; whether it arrived is looked up in a minute.",
        State.SENT: f"{what} in LeafLink.",
        State.DROPPED: "Not sent to LeafLink.",
    }.get(State(row.state), row.get_state_display())


def money_rows(found: Parts) -> list[tuple[str, str]]:
    """The parts of LeafLink's total with a label each, without those that are zero."""
    return [(LABELS.get(name, name.capitalize()), _money(amount)) for name, amount in found.named]


def _money(amount: Decimal) -> str:
    return f"−${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"
