"""Whose a sales order is: its rep's. And with it the destination that it goes to."""

from django.db.models import Q

from customers.models import Destination
from customers.own import whose
from orders.models import SalesOrder


@whose(SalesOrder)
def of_rep(rep: int) -> Q:
    """The sales orders that name the rep."""
    return Q(sales_rep=rep)


@whose(Destination)
def shipped_to_for_rep(rep: int) -> Q:
    """The destinations that the rep's orders go to."""
    return Q(pk__in=SalesOrder.objects.filter(of_rep(rep)).order_by().values("destination"))
