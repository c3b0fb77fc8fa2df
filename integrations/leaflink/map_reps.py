"""Mapping LeafLink's staff to our sales reps."""

from django.core.exceptions import ValidationError
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


def map_to_own_rep(staff: Staff) -> SalesRep:
    """Map a member of LeafLink's staff to the rep with the same e-mail, made if there is none.

    Raises ValidationError when LeafLink gives no usable e-mail address.
    """
    if not staff.email:
        raise ValidationError("LeafLink gives no e-mail address. Add the sales rep by hand.")
    rep = SalesRep.objects.filter(email__iexact=staff.email).first()
    if rep is None:
        rep = SalesRep(name=staff.name or staff.email, email=staff.email)
        rep.full_clean()
        rep.save()
    staff.sales_rep = rep
    staff.save(update_fields=["sales_rep"])
    return rep
