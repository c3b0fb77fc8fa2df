"""What is kept of a call to LeafLink: which record it was about, and what it was for."""

import json
from collections.abc import Iterator
from typing import Any

from integrations import call_log
from integrations.call_history import call_of
from integrations.encryption import WrongEncryptionKey
from integrations.leaflink.models import Account
from integrations.leaflink.record_kinds import NEW_PRODUCT, ORDER, PRODUCT
from integrations.secret_free import cutter
from integrations.wire.calls import CallMade, Observer

# LeafLink's resources as people call them; the rest are its lists.
NAMES = {
    "orders-received": "Orders",
    "order-payments": "Payments",
    "products": "Products",
    "customers": "Customers",
    "company-staff": "Staff",
}


def _keys(account: Account) -> Iterator[str]:
    """The keys that could turn up: one that can't be decrypted was sent to nobody."""
    for name in ("app_key", "webhook_key"):
        try:
            yield getattr(account, name)
        except WrongEncryptionKey:
            continue


def observer(account: Account) -> Observer:
    """Keeps the account's calls in the log, with its own keys cut out of all that is stored."""
    cut = cutter(list(_keys(account)))

    def keep(made: CallMade) -> None:
        kind, key = record_of(made)
        call = call_of(account.pk, made, cut, what=_what(made), record_kind=kind, record_key=key)
        call_log.add(call)

    return keep


def _what(made: CallMade) -> str:
    """What a call was for, in words. A status change is a POST below its order."""
    name = NAMES.get(made.path.split("/")[0], "Lists")
    return f"{name} {'read' if made.method == 'GET' else 'sent'}"


def record_of(made: CallMade) -> tuple[str, str]:
    """The kind and the key of the record a call was about; ("", "") where there is none."""
    resource, _, rest = made.path.partition("/")
    key = rest.split("/")[0]
    if resource == "orders-received" and key:
        return ORDER, key
    if resource == "products" and key:
        return PRODUCT, key
    sent = made.sent or {}
    if resource == "order-payments":
        return ORDER, str(sent.get("order", ""))
    if resource == "products" and made.method == "POST":
        made_id = None if made.error else _id_in(made.answer)
        return (PRODUCT, made_id) if made_id else (NEW_PRODUCT, str(sent.get("sku", "")))
    return "", ""


def _id_in(answer: bytes) -> str | None:
    body: Any = json.loads(answer)
    found = body.get("id") if isinstance(body, dict) else None
    return None if found is None else str(found)
