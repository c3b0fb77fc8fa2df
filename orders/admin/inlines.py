"""The tables on a sales order's page: lines, discounts, history. To look at, never typed over."""

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from catalog.decimals import in_cases, plain
from catalog.read_only_admin import ReadOnlyInline
from orders.allocation import set_aside
from orders.models import OrderDiscount, OrderLine, StatusChange


class LineInline(ReadOnlyInline):
    model = OrderLine
    fields = ["position", "name", "sku", "ordered", "aside", "shown_price", "amount", "marks"]
    readonly_fields = ["ordered", "aside", "shown_price", "amount", "marks"]
    verbose_name_plural = "Lines"

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        query = super().get_queryset(request)
        return query.prefetch_related("allocations__stock__lot")

    @display(description="Ordered")
    def ordered(self, line: OrderLine) -> str:
        return in_cases(line.quantity, line.case_size)

    @display(description="Set aside")
    def aside(self, line: OrderLine) -> str:
        """How much is set aside (or has left), and from which lots."""
        rows = list(line.allocations.all())
        if not rows:
            return "–"
        lots = [f"{plain(a.quantity)} of {a.stock.lot}" for a in rows if a.stock.lot]
        told = ", ".join(lots) if len(rows) > 1 or not lots else f"lot {rows[0].stock.lot}"
        total = set_aside(line)
        share = "all" if total == line.quantity else plain(total)
        if all(a.shipped for a in rows):
            share = "shipped"
        return f"{share} ({told})" if told else share

    @display(description="Price")
    def shown_price(self, line: OrderLine) -> str:
        return f"${line.price:,.2f}" + (" per case" if line.case_size > 1 else "")

    @display(description="Total")
    def amount(self, line: OrderLine) -> str:
        return f"${line.total:,.2f}"

    @display(description="Marks")
    def marks(self, line: OrderLine) -> str:
        marks = ["Sample"] * line.is_sample + ["Medical"] * line.is_medical
        marks += [f"Lot {line.lot_number} only"] if line.lot_number else []
        return ", ".join(marks) or "–"


class DiscountInline(ReadOnlyInline):
    model = OrderDiscount
    fields = ["label", "shown_kind", "shown_amount"]
    readonly_fields = ["shown_kind", "shown_amount"]
    verbose_name_plural = "Discounts and credits"

    @display(description="Kind")
    def shown_kind(self, discount: OrderDiscount) -> str:
        kind = discount.get_kind_display()
        return f"{kind} (locked)" if discount.is_locked else kind

    @display(description="Amount")
    def shown_amount(self, discount: OrderDiscount) -> str:
        return f"−${discount.amount:,.2f}"


class StatusChangeInline(ReadOnlyInline):
    model = StatusChange
    fields = ["at", "move", "by", "reason"]
    readonly_fields = ["at", "move"]
    verbose_name_plural = "History"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusChange]:
        return super().get_queryset(request).select_related("by")

    @display(description="Status")
    def move(self, change: StatusChange) -> str:
        return "" if change.old == change.new else str(change)
