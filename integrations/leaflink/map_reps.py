"""Mapping LeafLink's staff to our sales reps."""

from django.db.models import QuerySet

from customers.models import SalesRep
from integrations.leaflink.models import Staff


def map_by_email(staff: QuerySet[Staff]) -> int:
    """Map those not mapped yet to the active rep with the same e-mail; returns how many."""
    reps = {rep.email.lower(): rep for rep in SalesRep.objects.filter(is_active=True)}
    count = 0
    for person in staff.filter(sales_rep__isnull=True).exclude(email="").defer("raw"):
        rep = reps.get(person.email.lower())
        if rep:
            person.sales_rep = rep
            person.save(update_fields=["sales_rep"])
            count += 1
    return count
