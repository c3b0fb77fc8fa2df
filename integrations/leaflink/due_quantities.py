"""Which quantities are to be sent now, which are not, and why: the same answer for a push, a dry
run, and the page that explains a number.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from catalog.decimals import units
from integrations.leaflink.models import Account, Offer
from integrations.leaflink.quantities import MANAGED_IN_LEAFLINK, Wanted, wanted
from integrations.runs import Recorder

# A write whose answer was lost has reached LeafLink after that long, or never will.
LATE = timedelta(seconds=90)
# As many as a minute's pushing for several minutes; the rest comes with the next plan.
MOST_PLANNED = 1000


class Why(StrEnum):
    """Why a quantity is, or is not, to be sent now."""

    FIRST = "It was never sent."
    DOUBT = "Whether the last one arrived is not known."
    HERE = "What can be sold has changed here."
    THERE = "LeafLink shows another number than the one that was sent."
    UNSETTLED = "An earlier write was lost on the way and may still arrive late."
    IN_STEP = "LeafLink has it already."
    OFF = "The account's rules send no quantities."
    UNLIMITED = "The item is Unlimited here: buyers can order any quantity."
    INHERITED = "The item is Inherited: its quantity was sent once, and is kept up in LeafLink."
    NOT_COUNTED = (
        "LeafLink does not count this product's stock (Unlimited, or its parent's). Set its "
        "inventory management to Managed there."
    )
    PAUSED = "It is paused."
    REFUSED = "LeafLink refused this number. It is tried again when either side changes."
    BRAKED = "It would sell out together with many others, and waits for a person's yes."


# The same in the words of a run's counts, after a number.
SKIPPED = {
    Why.IN_STEP: "unchanged",
    Why.OFF: "not sent by the account's rules",
    Why.UNLIMITED: "unlimited",
    Why.INHERITED: "kept up in LeafLink",
    Why.NOT_COUNTED: "not counted by LeafLink",
    Why.PAUSED: "paused",
    Why.REFUSED: "refused before, and the same since",
    Why.BRAKED: "waiting for a person's yes",
}

SENT = (Why.FIRST, Why.DOUBT, Why.HERE, Why.THERE, Why.UNSETTLED)
# What a person does about those that are not sent, even when asked for.
CURES = {
    Why.OFF: "Switch “send quantities to LeafLink” on for the account.",
    Why.UNLIMITED: "Choose Managed on the item's LeafLink tab to have it sent.",
    Why.INHERITED: "Choose Managed on the item's LeafLink tab to have it sent from here.",
    Why.NOT_COUNTED: "",  # says it itself
    Why.PAUSED: "Resume it under Linked products first.",
    Why.BRAKED: "Say yes to it on the page of products that would sell out (see the overview).",
}


def standstill(account: Account) -> str:
    """Why nothing at all is sent for the account, with the cure; "" when it is at work."""
    if not account.is_active:
        return "The account is not active. Activate it, and it is sent within ten minutes."
    # Asked of the database, so that a key that can't be decrypted is no matter here.
    if Account.objects.filter(pk=account.pk, app_key="").exists():
        return "The account has no App key. Paste one under Accounts."
    return ""


def why(account: Account, one: Wanted) -> Why:
    """Whether and why this listing's quantity is to be sent now; nothing is read."""
    row, quantity = one.row, one.quantity
    if not account.push_inventory:
        return Why.OFF
    if row.mode == Offer.Mode.UNLIMITED:
        return Why.UNLIMITED
    if row.inventory_management not in MANAGED_IN_LEAFLINK:
        return Why.NOT_COUNTED
    if row.pause == Offer.Pause.AS_IS:
        return Why.PAUSED
    if row.mode == Offer.Mode.INHERITED and row.last_sent_at:
        return Why.INHERITED
    if _is_refused(one):
        return Why.REFUSED
    reason = _difference(one)
    if reason in SENT and row.braked_at and one.sells_out and _holds(account, one):
        return Why.BRAKED
    if reason is Why.IN_STEP and units(row.quantity) != quantity:
        return Why.THERE
    return reason


def _holds(account: Account, one: Wanted) -> bool:
    """Whether the brake is still on for this listing."""
    has_limit = account.brake_products is not None or account.brake_percent is not None
    return has_limit and not is_allowed(one, timezone.now())


def _difference(one: Wanted) -> Why:
    row = one.row
    if row.unsettled_at:
        return Why.UNSETTLED
    if row.last_sent is None:
        return Why.DOUBT if row.last_sent_at else Why.FIRST
    return Why.IN_STEP if units(row.last_sent) == one.quantity else Why.HERE


def _is_refused(one: Wanted) -> bool:
    """Whether it would be refused again: nothing has changed on either side since."""
    row = one.row
    if not row.refusal or row.refused_quantity is None:
        return False
    is_as_it_was = row.product_modified == row.refused_modified
    return is_as_it_was and units(row.refused_quantity) == one.quantity


@dataclass
class Plan:
    """What a push would send: the first MOST_PLANNED of it, and `more`, the items of the rest.

    `braked` would sell out and wait for a person; `selling_out`: items to be sent that would.
    """

    changes: list[Wanted] = field(default_factory=list)
    braked: list[Wanted] = field(default_factory=list)
    selling_out: list[int] = field(default_factory=list)
    more: list[int] = field(default_factory=list)
    # Listings that were waiting for a yes and need none any more.
    no_longer_braked: list[int] = field(default_factory=list)
    # How many are not to be sent, and why.
    unsent: Counter[Why] = field(default_factory=Counter)


def plan(
    account: Account, item_ids: Collection[int] | None = None, *, most: int = MOST_PLANNED
) -> Plan:
    """What is to be sent now, of all listings or of these items, in a constant number of queries.
    Nothing is changed, and LeafLink is not asked."""
    found = Plan()
    now = timezone.now()
    for one in wanted(account, item_ids):
        reason = why(account, one)
        if one.row.braked_at and reason is not Why.BRAKED:
            found.no_longer_braked.append(one.row.listing_id)
        if reason is Why.BRAKED:
            _keep(found.braked, one, most)
        if reason not in SENT:
            found.unsent[reason] += 1
            continue
        if one.sells_out and not is_allowed(one, now):
            found.selling_out.append(one.row.item_id)
        if not _keep(found.changes, one, most):
            found.more.append(one.row.item_id)
    return found


def skip_unsent(run: Recorder, found: Plan) -> None:
    """Count on a run what a plan has looked at and does not send."""
    run.seen += found.unsent.total()
    for reason, count in found.unsent.items():
        run.skip(SKIPPED[reason], count)


def _keep(where: list[Wanted], one: Wanted, most: int) -> bool:
    if len(where) >= most:
        return False
    where.append(one)
    return True


def is_allowed(one: Wanted, now: datetime) -> bool:
    """Whether a person wants it sold out: by saying yes to the brake, or by pausing it at zero."""
    until = one.row.zero_allowed_until
    return one.row.pause == Offer.Pause.AT_ZERO or (until is not None and until > now)
