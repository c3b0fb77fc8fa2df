"""LeafLink's ids for payment terms and ways to pay, learnt from the orders that are read.

LeafLink: a payment option is a term and a method, written by their ids; no list names these.
"""

from collections.abc import Sequence

from integrations.leaflink.mapping.payment_terms import code_of
from integrations.leaflink.models import Account, ListEntry
from integrations.leaflink.wire import payloads

TERM, METHOD = ListEntry.List.PAYMENT_TERM, ListEntry.List.PAYMENT_METHOD


def learn(account: Account, orders: Sequence[payloads.Order]) -> None:
    """Note the ids that these orders show: a term of ours goes by its code, others by LeafLink's
    name. One query, when there is nothing new."""
    seen: dict[tuple[str, int], str] = {}
    for order in orders:
        for option in (order.selected_payment_option, *order.available_payment_options):
            term, method = option.payment_term, option.payment_method
            if term.id and (name := code_of(term) or term.term):
                seen[TERM, term.id] = name[:300]
            if method.id and method.method:
                seen[METHOD, method.id] = method.method[:300]
    if not seen:
        return
    rows = ListEntry.objects.filter(account=account, list__in=(TERM, METHOD))
    known = {(kind, pk): name for kind, pk, name in rows.values_list("list", "remote_id", "name")}
    ListEntry.objects.bulk_create(
        [
            ListEntry(account=account, list=kind, remote_id=pk, name=name)
            for (kind, pk), name in sorted(seen.items())
            if known.get((kind, pk)) != name
        ],
        update_conflicts=True,
        unique_fields=["account", "list", "remote_id"],
        update_fields=["name"],
    )
