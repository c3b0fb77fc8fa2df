"""Where what a call to Metrc was about is seen here."""

from collections.abc import Collection

from django.urls import reverse

from integrations import records
from integrations.metrc.record_kinds import SALES_ORDER
from orders.models import SalesOrder


def register() -> None:
    """Tell the pages of calls and runs about it."""
    records.register(SALES_ORDER, _orders, "orders.view_salesorder")


def _orders(connection_id: int, keys: Collection[str]) -> dict[str, records.Page]:
    rows = SalesOrder.objects.filter(number__in=list(keys)).values_list("pk", "number")
    return {
        number: records.Page(reverse("admin:orders_salesorder_change", args=[pk]), number)
        for pk, number in rows
    }
