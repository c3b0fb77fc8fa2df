"""From LeafLink's customer to our destination.

License first, then customer number, then e-mail: names are ambiguous and never decide.
"""

from django.db import IntegrityError, transaction

from customers.models import Address, Destination, normalized_license
from integrations.leaflink.models import Account, Customer
from integrations.leaflink.wire import payloads


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
        destination = _create(payload)
    if destination and locked.destination_id is None:
        Customer.objects.filter(pk=locked.pk).update(destination=destination)
    return destination


def _create(payload: payloads.Customer) -> Destination:
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


def _addresses(destination: Destination, payload: payloads.Customer) -> list[Address]:
    """LeafLink's delivery and corporate address; its plain one serves for a missing one."""
    plain = payloads.Address(
        address=payload.address,
        unit_number=payload.unit_number,
        city=payload.city,
        state=payload.state,
        zipcode=payload.zipcode,
    )
    kinds = (
        (Address.Kind.SHIPPING, payload.delivery_address),
        (Address.Kind.BILLING, payload.corporate_address),
    )
    chosen = [(kind, given if given.address else plain) for kind, given in kinds]
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
        for kind, a in chosen
        if a.address
    ]
