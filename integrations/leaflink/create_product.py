"""Making a LeafLink product of an item, once.

LeafLink has no keys that would tell a repetition from a second product. So before each try its list
is read: a product that carries our id is the one an earlier try has made, and is linked; one with
the same SKU that doesn't is somebody else's, and a person decides.
"""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from django.urls import reverse

from catalog.models import Item
from integrations import work
from integrations.leaflink import link
from integrations.leaflink.mapping import product_fields
from integrations.leaflink.models import Account, Listing, Offer, Product
from integrations.leaflink.push_details import store_answer
from integrations.leaflink.wanted import (
    Lists,
    for_creation,
    missing,
    offer_of,
    said,
    with_parts,
)
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.work_kinds import CREATE_WORK
from integrations.models import Notice, WorkItem
from integrations.notices import notify
from integrations.wire.errors import BadPayload, Refused, UnknownOutcome

# LeafLink: denomination 1 is "one" of the unit of measure.
ONE = 1


class CannotCreate(Exception):
    """The product can't be made; the text says why and what to do."""


def account_of(item: Item) -> Account:
    """The account that sells the item's brand. Raises CannotCreate when none does."""
    sold_by = getattr(item.brand, "leaflink", None)
    if sold_by is None:
        raise CannotCreate(f"No account sells {item.brand}. Add the brand to an account first.")
    account: Account = sold_by.account
    return account


def why_not(item: Item, lists: Lists) -> list[str]:
    """What speaks against making the item's product now; nothing when it could be made.

    The item must come `with_parts`.
    """
    try:
        account = account_of(item)
    except CannotCreate as error:
        return [str(error)]
    problems = []
    if not item.is_active:
        problems.append("The item is not active. Switch it on first.")
    if not account.is_active:
        problems.append(f"{account} is not active. Switch it on first.")
    if not account.app_key:
        problems.append(f"{account} has no App key. Paste one under the account's keys.")
    if not account.company_id:
        problems.append(f"{account}'s LeafLink company is not known yet. Sync it once.")
    values = for_creation(item, offer_of(item), lists)
    return problems + missing(item, values)


def ask_for(item: Item) -> None:
    """Ask for the item's product to be made. Raises CannotCreate when that can't succeed."""
    item = with_parts(Item.objects).get(pk=item.pk)
    if Listing.objects.filter(item=item).exists():
        raise CannotCreate(f"{item.sku} is linked already.")
    account = account_of(item)
    problems = why_not(item, Lists.of(account))
    if problems:
        raise CannotCreate(" ".join(problems))
    Offer.objects.update_or_create(item=item, defaults={"enabled": True, "refusals": {}})
    work.ask(account.pk, CREATE_WORK, [str(item.pk)], WorkItem.Priority.REST)


def ask_for_all_ready(account: Account, item_ids: Collection[int] | None = None) -> int:
    """By the account's rule: ask for the products of all items that are to be offered, have none
    and lack nothing; or of these, which somebody has just changed. Returns how many.

    What LeafLink refused, or what is stuck, waits for somebody to change something.
    """
    wished = Item.objects.filter(
        brand__leaflink__account=account,
        is_active=True,
        listing__isnull=True,
        offer__enabled=True,
        offer__refusals={},
    )
    if item_ids is not None:
        wished = wished.filter(pk__in=list(item_ids))
    asked = set(under_way(account)) if item_ids is None else set()
    lists = Lists.of(account)
    ready = [
        item.pk for item in with_parts(wished) if item.pk not in asked and not why_not(item, lists)
    ]
    work.ask(account.pk, CREATE_WORK, [str(pk) for pk in ready], WorkItem.Priority.REST)
    return len(ready)


def under_way(account: Account) -> dict[int, WorkItem]:
    """By item id what is being created, or is stuck at it."""
    rows = WorkItem.objects.filter(connection=account, kind=CREATE_WORK)
    return {int(row.key): row for row in rows}


def create(account: Account, client: LeafLinkClient, item_id: int) -> None:
    """Make the item's product, or find the one an earlier try has made, and link it.

    Raises Later when an answer was lost, Stuck with the reason when it can't be made, else as the
    client does.
    """
    item = with_parts(Item.objects.filter(pk=item_id)).first()
    if item is None or Listing.objects.filter(item=item_id).exists():
        return
    offer = offer_of(item)
    if not offer.enabled:
        return  # switched off since it was asked for
    lists = Lists.of(account)
    problems = why_not(item, lists)
    if problems or account_of(item) != account:
        raise _refused(item_id, {"": " ".join(problems) or "Its brand moved to another account."})
    values = for_creation(item, offer, lists)
    product = _made_before(account, client, offer, str(values["sku"]))
    if product is None:
        product = _make(account, client, offer, values)
    _link(item, product, values)


def _made_before(
    account: Account, client: LeafLinkClient, offer: Offer, sku: str
) -> Product | None:
    """The product an earlier try has made. Raises Stuck when the SKU is somebody else's.

    It is known by our id: the SKU may have been changed since, here or there.
    """
    for body, found in _present(client, seller_internal_id=str(offer.reference)):
        # Unknown filters are ignored by LeafLink, so the answer is looked at.
        if found.seller_internal_id == str(offer.reference):
            return store_answer(account, body)
    for body, found in _present(client, sku=sku):
        if found.sku == sku:
            store_answer(account, body)
            name = found.name or found.sku
            text = f"LeafLink has a product with the SKU {sku} already: {name}. Link it instead."
            raise _refused(offer.item_id, {"sku": text})
    return None


def _present(client: LeafLinkClient, **query: str) -> Iterator[tuple[Any, payloads.Product]]:
    """LeafLink's products that meet the query and are not archived, with what can be read."""
    for page in client.pages("products", **query):
        for body in page:
            found = payloads.parse(payloads.Product, body)
            if found.listing_state != "Archived":
                yield body, found


def _make(
    account: Account, client: LeafLinkClient, offer: Offer, values: dict[str, Any]
) -> Product:
    body = {
        **product_fields.body(values),
        "quantity": "0",  # the real one is sent as soon as the link is there
        "listing_state": account.new_product_state,
        "unit_denomination": ONE,
        "seller": account.company_id,
        "manufacturer": account.company_id,
        "seller_internal_id": str(offer.reference),
    }
    if account.external_id_key:
        body["external_ids"] = {account.external_id_key: str(offer.reference)}
    try:
        answer = _post(account, client, body)
    except UnknownOutcome as error:
        raise work.Later(f"{error}", timedelta(seconds=5), "unknown outcome") from error
    except Refused as error:
        raise _refused(offer.item_id, error.by_field) from error
    product = store_answer(account, answer)
    if product is None:
        raise BadPayload("LeafLink made the product, but its answer can't be read.")
    return product


def _post(account: Account, client: LeafLinkClient, body: dict[str, Any]) -> Any:
    """Send it; without our external id when that is all LeafLink objects to."""
    try:
        return client.post("products", body)
    except Refused as error:
        if set(error.by_field) != {"external_ids"}:
            raise
        notify(
            account,
            Notice.Category.REFUSED,
            "external ids",
            f"LeafLink does not take our ids under the key “{account.external_id_key}”. Ask its "
            "support to set the key up, or empty it on the account.",
            cure="Open the account",
            url=reverse("admin:leaflink_account_change", args=[account.pk]),
        )
        return client.post("products", {k: v for k, v in body.items() if k != "external_ids"})


def _link(item: Item, product: Product, values: dict[str, Any]) -> None:
    try:
        listing = link.link(item, product)
    except link.LinkError as error:
        raise _refused(item.pk, {"": f"The product is in LeafLink now, but: {error}"}) from error
    # What was sent is agreed, however LeafLink writes it.
    listing.refresh_from_db()
    shown = Product.objects.values_list("shown", flat=True).get(pk=product.pk)
    words = said(item, offer_of(item), values)
    agreed = {name: [words[name], shown.get(name)] for name in values}
    Listing.objects.filter(pk=listing.pk).update(agreed={**listing.agreed, **agreed})


def _refused(item_id: int, refusals: dict[str, str]) -> work.Stuck:
    Offer.objects.filter(item=item_id).update(refusals=refusals)
    return work.Stuck(product_fields.in_a_sentence(refusals), "refused")
