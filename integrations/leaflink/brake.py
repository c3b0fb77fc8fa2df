"""The zero-out brake: many products that would sell out at once wait for a person's yes.

A wrong file, a facility switched off by mistake or a broken count would otherwise empty the shop
within minutes. Counted is what would sell out now together with what did within the last hour, so
that neither a long run nor many small ones slip by. Whatever raises stock, and a few products at a
time, always go on.
"""

from collections.abc import Collection
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from integrations import work
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.due_quantities import Plan, plan
from integrations.leaflink.models import Account, Listing, Offer
from integrations.leaflink.quantities import MANAGED_IN_LEAFLINK, Wanted
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.models import Notice, WorkItem
from integrations.notices import notify, resolve

WINDOW = timedelta(hours=1)
# A person's yes holds that long.
YES_HOLDS = timedelta(hours=1)
# Fewer at once never stop anything, whatever their share.
FEW = 5
KEY = "brake"


def hold(account: Account, found: Plan) -> list[Wanted]:
    """What of the plan may be sent; the rest is held back, and a notice says so.

    `found` may be a part of what is due: what waits in the work queue is counted as well.
    """
    if found.no_longer_braked:
        for chunk in in_chunks(found.no_longer_braked):
            Listing.objects.filter(pk__in=chunk).update(braked_at=None)
        tell(account)
    stopped = would_stop(account, found)
    if not stopped:
        return found.changes
    for chunk in in_chunks(stopped):
        rows = _there(account).filter(item__in=chunk)
        rows.filter(braked_at__isnull=True).update(braked_at=timezone.now())
    tell(account)
    return [one for one in found.changes if one.row.item_id not in stopped]


def would_stop(account: Account, found: Plan) -> set[int]:
    """The items of the plan that would have to wait for a person; nothing is changed."""
    if found.selling_out and _is_too_many(account, found.selling_out):
        return set(found.selling_out)
    return set()


def _is_too_many(account: Account, selling_out: Collection[int]) -> bool:
    """Whether these, with what did lately and what waits in the queue, are more than allowed."""
    if account.brake_products is None and account.brake_percent is None:
        return False
    of_account = _there(account)
    # Where some are held back already, more of the same wait with them.
    lately = of_account.filter(
        Q(zeroed_at__gt=timezone.now() - WINDOW) | Q(braked_at__isnull=False)
    ).exclude(item__in=list(selling_out)[:500])
    count = len(set(selling_out) | _waiting_to_sell_out(account)) + lately.count()
    if count < FEW:
        return False
    if account.brake_products is not None and count > account.brake_products:
        return True
    share = account.brake_percent
    return share is not None and count * 100 > share * managed(account)


def _waiting_to_sell_out(account: Account) -> set[int]:
    """The items that wait to be sent, and would sell out."""
    waiting = WorkItem.objects.filter(connection=account, kind=LISTING_WORK)
    keys = waiting.values_list("key", flat=True)[: FEW * 1000]
    item_ids = [int(key) for key in keys]
    found: set[int] = set()
    for chunk in in_chunks(item_ids):
        found.update(plan(account, chunk).selling_out)
    return found


def _there(account: Account) -> QuerySet[Listing]:
    """The account's listings whose product LeafLink still has."""
    return Listing.objects.filter(product__account=account, product__gone_at__isnull=True)


def managed(account: Account) -> int:
    """How many listings of the account have their stock sent."""
    listings = _there(account).filter(product__inventory_management__in=MANAGED_IN_LEAFLINK)
    others = (Offer.Mode.UNLIMITED, Offer.Mode.INHERITED)
    return listings.exclude(item__offer__mode__in=others).count()


def held_back(account: Account) -> QuerySet[Listing]:
    """The listings that wait for a person's yes; none while the account is not active, since then
    nothing would be sent."""
    return waiting_for_yes().filter(product__account=account)


def waiting_for_yes() -> QuerySet[Listing]:
    """The same of all accounts."""
    return Listing.objects.filter(
        braked_at__isnull=False,
        product__gone_at__isnull=True,
        product__account__is_active=True,
    )


def tell(account: Account) -> None:
    """Have one open notice while anything waits for a yes, and none otherwise."""
    count = held_back(account).count()
    if not count:
        resolve(account, Notice.Category.BRAKE, [KEY])
        return
    page = reverse("admin:leaflink_listing_brake", args=[account.pk])
    text = (
        f"{account}: {count} products would sell out in LeafLink at once. Nothing was sent for "
        "them. Look at them and say yes, or correct the stock."
    )
    notify(account, Notice.Category.BRAKE, KEY, text, cure="Look at them", url=page)


def say_yes(account: Account, listing_ids: Collection[int]) -> int:
    """A person wants these to be sold out: they are sent; returns how many waited for that."""
    items: list[str] = []
    until = timezone.now() + YES_HOLDS
    for chunk in in_chunks(listing_ids):
        rows = held_back(account).filter(pk__in=chunk)
        items += map(str, rows.values_list("item", flat=True))
        rows.update(braked_at=None, zero_allowed_until=until)
    work.ask(account.pk, LISTING_WORK, items, WorkItem.Priority.STOCK)
    tell(account)
    return len(items)
