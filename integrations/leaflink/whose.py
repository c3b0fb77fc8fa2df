"""Whose a LeafLink order is: its sales order's rep's; before it has one, the rep's to whom a member
of LeafLink's staff on it is mapped. And with it the destination of its customer.
"""

from typing import Any

from django.db.models import BooleanField, F, Func, Q

from customers.models import Destination
from customers.own import whose
from integrations.leaflink.models import Order, Staff
from orders.models import SalesOrder
from orders.whose import of_rep as sales_orders_of_rep


class NamesStaff(Func):
    """Whether an order as LeafLink says it (`raw`) names this member of its staff."""

    output_field = BooleanField()
    arity = 1

    def __init__(self, remote_id: int) -> None:
        super().__init__(F("raw"))
        self.remote_id = int(remote_id)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # The number is made one above: nothing of an order gets into the query.
        template = (
            "EXISTS (SELECT 1 FROM json_each(%(expressions)s, '$.sales_reps') AS rep "  # noqa: S608
            f"WHERE json_extract(rep.value, '$.id') = {self.remote_id})"
        )
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = (
            f"(%(expressions)s -> 'sales_reps' @> '[{{\"id\": {self.remote_id}}}]'::jsonb) IS TRUE"
        )
        return self.as_sql(compiler, connection, template=template, **context)


@whose(Order)
def of_rep(rep: int) -> Q:
    """The LeafLink orders of the rep, imported or not."""
    mine = Q(sales_order__in=SalesOrder.objects.filter(sales_orders_of_rep(rep)).order_by())
    for account, remote_id in Staff.objects.filter(sales_rep=rep).values_list(
        "account", "remote_id"
    ):
        mine |= Q(NamesStaff(remote_id), account=account, sales_order__isnull=True)
    return mine


@whose(Destination)
def of_reps_customers(rep: int) -> Q:
    """The destinations of customers whose LeafLink orders are the rep's."""
    orders = Order.objects.filter(of_rep(rep)).order_by()
    return Q(leaflink_customers__in=orders.exclude(customer=None).values("customer"))
