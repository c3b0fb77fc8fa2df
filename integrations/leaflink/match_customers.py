"""From LeafLink's customer to our destination.

License first, then customer number, then e-mail. Names and addresses are ambiguous: they only
suggest, with reasons that a person can check.
"""

from django.db import IntegrityError, transaction
from django.db.models import Q

from customers.models import Address, Destination, normalized_license
from integrations.leaflink.mapping.customer_likeness import Likeness, Who, likest
from integrations.leaflink.models import Account, Customer
from integrations.leaflink.wire import payloads
from integrations.wire.errors import BadPayload


def matching_destination(customer: Customer) -> Destination | None:
    """The destination this customer is, if that is certain; None when it is not."""
    if customer.destination_id:
        return customer.destination
    key = normalized_license(customer.license_number)
    if key:
        # A license that nobody here has decides too: the same e-mail may serve several licenses.
        return Destination.objects.filter(license_key=key).first()
    for column in ("external_id", "email"):
        value = getattr(customer, column).strip()
        if value:
            found = list(Destination.objects.filter(**{f"{column}__iexact": value})[:2])
            if len(found) == 1:
                return found[0]
    return None


def destination_for(
    account: Account, customer: Customer, payload: payloads.Customer
) -> Destination | None:
    """The destination to ship to, remembered for the customer's next orders.

    Makes one when none matches and the account's rule says so; None when a person must choose.
    Call it in a transaction; it locks the customer, so that two orders make one destination.
    """
    locked = Customer.objects.select_for_update(of=("self",)).defer("raw").get(pk=customer.pk)
    destination = matching_destination(locked)
    if destination is None and account.customer_rule == Account.CustomerRule.CREATE:
        destination = create_destination(known_as(locked, payload))
    if destination and locked.destination_id is None:
        Customer.objects.filter(pk=locked.pk).update(destination=destination)
    return destination


def known_as(customer: Customer | None, payload: payloads.Customer) -> payloads.Customer:
    """All that LeafLink says of an order's customer: its own record, else what the order has."""
    try:
        return payloads.parse(payloads.Customer, customer.raw) if customer else payload
    except BadPayload:
        return payload


def suggested_destinations(
    customer: Customer, payload: payloads.Customer
) -> list[tuple[Destination, Likeness]]:
    """The destinations that a customer may be, likeliest first, with reasons; none is certain.

    A constant number of queries. All names are looked through, the rest only where it is equal.
    """
    who = Who(
        customer.pk,
        tuple(filter(None, {customer.name, payload.label, payload.dba, payload.nickname})),
        normalized_license(customer.license_number or payload.license_number),
        customer.external_id or payload.external_id,
        customer.email or payload.email,
        payload.phone,
        tuple((place.address, place.zipcode) for place in _places(payload)),
    )
    active = Destination.objects.filter(is_active=True)
    names = list(active.order_by().values_list("pk", "name", "dba"))
    alike = likest(who, [Who(pk, (name, dba)) for pk, name, dba in names], limit=20)
    same = Q(pk__in=[one.who.pk for one in alike])
    if who.license:
        same |= Q(license_key=who.license)
    if who.number:
        same |= Q(external_id__iexact=who.number)
    if who.email:
        same |= Q(email__iexact=who.email)
    if who.phone:
        same |= Q(phone=who.phone)
    for street, _ in who.places:
        same |= Q(addresses__street__iexact=street)
    rows = active.filter(same).distinct().prefetch_related("addresses")[:100]
    by_pk = {row.pk: row for row in rows}
    return [(by_pk[one.who.pk], one) for one in likest(who, [_who(row) for row in by_pk.values()])]


def _who(destination: Destination) -> Who:
    return Who(
        destination.pk,
        (destination.name, destination.dba),
        destination.license_key,
        destination.external_id,
        destination.email,
        destination.phone,
        tuple((a.street, a.zipcode) for a in destination.addresses.all()),
    )


def create_destination(payload: payloads.Customer) -> Destination:
    """A destination as LeafLink describes the customer; the one with the license if there is one.

    Call it in a transaction.
    """
    key = normalized_license(payload.license_number)
    try:
        with transaction.atomic():
            destination = Destination.objects.create(
                name=payload.label[:400],
                dba=payload.dba[:400],
                license_number=payload.license_number[:100],
                external_id=payload.external_id[:100],
                email=payload.email[:255],
                phone=payload.phone[:400],
            )
    except IntegrityError:
        # Another account's order has just made it: the database knows one per license.
        return Destination.objects.get(license_key=key)
    Address.objects.bulk_create(_addresses(destination, payload))
    return destination


def _places(payload: payloads.Customer) -> list[payloads.Address]:
    """The customer's addresses, each once."""
    plain = payloads.Address(
        address=payload.address,
        unit_number=payload.unit_number,
        city=payload.city,
        state=payload.state,
        zipcode=payload.zipcode,
    )
    found: list[payloads.Address] = []
    for one in (payload.delivery_address, payload.corporate_address, plain):
        if one.address and one not in found:
            found.append(one)
    return found


def _addresses(destination: Destination, payload: payloads.Customer) -> list[Address]:
    """A customer's one address serves for shipping and billing. With several, only what LeafLink
    calls the delivery or corporate address is taken: the rest stays blank, for a person."""
    places = _places(payload)
    only = places[0] if len(places) == 1 else None
    kinds = (
        (Address.Kind.SHIPPING, only or payload.delivery_address),
        (Address.Kind.BILLING, only or payload.corporate_address),
    )
    return [
        Address(
            destination=destination,
            kind=kind,
            street=a.address[:400],
            unit=a.unit_number[:100],
            city=a.city[:400],
            state=a.state[:50],
            zipcode=a.zipcode[:10],
        )
        for kind, a in kinds
        if a.address
    ]
