"""Bringing LeafLink's orders to where ours are: status first, then terms and our number.

One order is worked on by one worker at a time, from its status on, so a later step never overtakes
an earlier one; different orders don't wait for each other.
"""

import logging
from collections.abc import Callable

from structlog.contextvars import bound_contextvars

from integrations.budget import BudgetExhausted
from integrations.leaflink.mirror_orders import note_gone
from integrations.leaflink.models import Account
from integrations.leaflink.out_of_step import behind
from integrations.leaflink.push_statuses import push_status
from integrations.leaflink.push_terms import push_terms
from integrations.leaflink.record_kinds import ORDER
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leases import Busy, lease
from integrations.runs import Recorder
from integrations.wire.errors import BadPayload, Gone, Refused, UnknownOutcome, VendorError

logger = logging.getLogger(__name__)


def push_orders(
    account: Account, client: LeafLinkClient, run: Recorder, *, dry: bool = False
) -> None:
    """Bring every order that is behind up to date. One that LeafLink refuses stops no other."""
    for order in behind(account):
        run.seen += 1
        if dry:
            run.changed += 1
            continue
        try:
            with bound_contextvars(order=str(order.number)):
                is_moved = push_order(account, client, str(order.number))
            if is_moved:
                run.changed += 1
            else:
                run.skip("settled meanwhile")
        except Busy:
            run.skip("being sent by another process")
        except Gone:
            note_gone(account, str(order.number))
            run.skip("gone from LeafLink")
        except (Refused, UnknownOutcome, BadPayload) as error:
            run.problem(f"order {order}", str(error), ORDER, order.number)
        except (VendorError, BudgetExhausted):
            raise  # no other order would fare better now
        except Exception as error:
            logger.exception("order failed", extra={"order": str(order.number)})
            text = f"{type(error).__name__}: {error}"
            run.problem(f"order {order}", text, ORDER, order.number)


def push_order(account: Account, client: LeafLinkClient, number: str) -> bool:
    """Bring one order up to date; returns whether LeafLink was changed.

    Raises Busy when another worker is at it, and else as the client does; what was refused of one
    thing does not keep the other from being sent.
    """
    refused: Refused | None = None
    changed = False
    steps: tuple[Callable[[Account, LeafLinkClient, str], bool], ...] = (push_status, push_terms)
    with lease(f"leaflink order {account.pk} {number}"):
        for step in steps:
            try:
                changed = step(account, client, number) or changed
            except Refused as error:
                refused = refused or error
    if refused:
        raise refused
    return changed
