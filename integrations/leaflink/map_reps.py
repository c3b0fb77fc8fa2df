"""Mapping LeafLink's staff to our sales reps."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from customers.models import SalesRep
from integrations.leaflink.models import Staff


def suggested(staff: Iterable[Staff]) -> dict[int, SalesRep]:
    """By staff id the active rep with the same e-mail, else the only one with the same name."""
    reps = list(SalesRep.objects.filter(is_active=True))
    by_email = {rep.email.lower(): rep for rep in reps}
    by_name: dict[str, list[SalesRep]] = {}
    for rep in reps:
        by_name.setdefault(rep.name.strip().casefold(), []).append(rep)
    found: dict[int, SalesRep] = {}
    for person in staff:
        same = by_name.get(person.name.strip().casefold(), [])
        likely = by_email.get(person.email.strip().lower()) or (same[0] if len(same) == 1 else None)
        if likely:
            found[person.pk] = likely
    return found


def map_to(staff: Staff, rep: SalesRep) -> None:
    """Map a member of LeafLink's staff to a rep; held orders that waited for it are looked at."""
    staff.sales_rep = rep
    staff.save(update_fields=["sales_rep"])


def map_by_email(staff: QuerySet[Staff]) -> int:
    """Map those not mapped yet to the active rep with the same e-mail; returns how many."""
    reps = {rep.email.lower(): rep for rep in SalesRep.objects.filter(is_active=True)}
    count = 0
    for person in staff.filter(sales_rep__isnull=True).exclude(email="").defer("raw"):
        rep = reps.get(person.email.lower())
        if rep:
            map_to(person, rep)
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
