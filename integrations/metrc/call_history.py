"""What is kept of a call to Metrc: what it was for, and which order it was about."""

from collections.abc import Iterator

from integrations import call_log
from integrations.call_history import call_of
from integrations.encryption import WrongEncryptionKey
from integrations.metrc.models import MetrcAccount
from integrations.metrc.record_kinds import SALES_ORDER
from integrations.secret_free import cutter
from integrations.wire.calls import CallMade, Observer

# What a path that ends or begins so is about, in people's words. The first that fits counts.
ENDS = (("/wholesale", "Prices"), ("/pdf", "Manifests"))
BEGINS = (
    ("facilities/", "Facilities"),
    ("unitsofmeasure/", "Units of measure"),
    ("packages/", "Packages"),
    ("items/", "Items"),
    ("tags/", "Tags"),
    ("transporters/v2/drivers", "Drivers"),
    ("transporters/v2/vehicles", "Vehicles"),
    ("transfers/v2/types", "Transfer types"),
    ("transfers/v2/templates", "Templates"),
    ("transfers/v2/outgoing", "Transfers"),
    ("transfers/v2/deliveries", "Packages of transfers"),
    ("transfers/", "Deliveries"),
)
DONE = {"GET": "read", "DELETE": "withdrawn"}


def observer(account: MetrcAccount, *, order_number: str = "") -> Observer:
    """Keeps the account's calls in the log, with both keys cut out of all that is stored.

    `order_number`: the order all these calls are about; empty: as the call itself says.
    """
    cut = cutter(list(_keys(account)))

    def keep(made: CallMade) -> None:
        number = order_number or order_in(made)
        call = call_of(
            account.pk,
            made,
            cut,
            what=what(made),
            record_kind=SALES_ORDER if number else "",
            record_key=number,
        )
        call_log.add(call)

    return keep


def _keys(account: MetrcAccount) -> Iterator[str]:
    """The keys that could turn up: one that can't be decrypted was sent to nobody."""
    for name in ("vendor_key", "user_key"):
        try:
            yield getattr(account, name)
        except WrongEncryptionKey:
            continue


def what(made: CallMade) -> str:
    """What a call was for, in words."""
    path = f"{made.path}/"
    fits = [name for end, name in ENDS if made.path.endswith(end)]
    fits += [name for begin, name in BEGINS if path.startswith(begin)]
    name = fits[0] if fits else "Lists"
    return f"{name} {DONE.get(made.method, 'sent')}"


def order_in(made: CallMade) -> str:
    """The number of the order a template was sent for; "" where none was, or it can't be told.

    We send it as the invoice number, and as the name of the template.
    """
    if made.method == "GET" or not made.path.startswith("transfers/v2/templates"):
        return ""
    template = made.sent[0] if isinstance(made.sent, list) and made.sent else None
    if not isinstance(template, dict):
        return ""
    stops = template.get("Destinations")
    stop = stops[0] if isinstance(stops, list) and stops else None
    invoice = stop.get("InvoiceNumber") if isinstance(stop, dict) else ""
    return str(invoice or template.get("Name") or "")
