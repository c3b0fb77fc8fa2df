"""The manifest of a transfer as a PDF: fetched from Metrc, kept, and fetched anew when the transfer
was changed.
"""

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from catalog.natural import natural
from integrations import work
from integrations.metrc.connect import client_for
from integrations.metrc.models import ManifestFile, Match, MetrcAccount, MetrcFacility, Transfer
from integrations.metrc.wire.client import MetrcClient
from integrations.metrc.work_kinds import MANIFEST_WORK
from integrations.models import Connection, WorkItem
from integrations.outcomes import outcomes
from integrations.wire.errors import BadCredentials, BadPayload, Gone, Refused

START = b"%PDF"
MOST_BYTES = 20 * 1024 * 1024


def is_due(transfer: Transfer) -> bool:
    """Whether its manifest has to be fetched: there is none yet, or the transfer was changed since.
    That of a voided transfer is kept as it is."""
    if transfer.is_voided:
        return False
    kept = ManifestFile.objects.filter(transfer=transfer).values_list("modified_at").first()
    return kept is None or kept[0] != transfer.modified_at


def ask(transfer: Transfer) -> None:
    """Have the manifest fetched by a worker; one that failed is tried afresh."""
    account_id = transfer.facility.account_id
    work.ask(account_id, MANIFEST_WORK, [str(transfer.pk)], WorkItem.Priority.REST)


def ask_for_due(facility: MetrcFacility) -> int:
    """Have the manifests of a license's matched transfers fetched that are not kept yet, or were
    changed since; returns how many. One that failed for good waits for a person."""
    rows = Transfer.objects.filter(
        Q(manifest__isnull=True) | ~Q(manifest__modified_at=F("modified_at")),
        Exists(Match.objects.filter(delivery__transfer=OuterRef("pk"), ended_at__isnull=True)),
        facility=facility,
        is_voided=False,
    )
    keys = [str(pk) for pk in rows.order_by("pk").values_list("pk", flat=True)]
    rest = WorkItem.Priority.REST
    work.ask(facility.account_id, MANIFEST_WORK, keys, rest, revive=False)
    return len(keys)


def fetch(transfer: Transfer, client: MetrcClient) -> ManifestFile:
    """Fetch the manifest and keep it. Not in a transaction: it calls the network.

    Raises as the client does, with the cure in the text; BadPayload also for what is no PDF or is
    larger than MOST_BYTES. What was kept before is kept then.
    """
    told = f"{transfer} of license {transfer.facility.license_number}"
    try:
        content = client.manifest_pdf(
            transfer.remote_id, transfer.manifest_number, transfer.facility.license_number
        )
    except Gone as error:
        raise Gone(
            f"Metrc has no PDF of {told}. Look in Metrc whether the transfer is there; then fetch "
            "it again."
        ) from error
    except BadCredentials as error:
        raise type(error)(
            f"The PDF of {told} was not given out. Metrc asks for the permission “Manage Transfer "
            "Templates” or “View Transfer Templates” for it: have it given to the user whose key "
            f"the account has, then fetch it again. {error}"
        ) from error
    except Refused as error:
        raise Refused(
            [f"{'; '.join(error.messages) or 'no reason given'} (the PDF of {told})"],
            vendor="Metrc",
        ) from error
    except BadPayload as error:
        raise BadPayload(f"{error} It was asked for the PDF of {told}; fetch it again.") from error
    _check(content, told)
    kept, _ = ManifestFile.objects.update_or_create(
        transfer=transfer,
        defaults={
            "content": content,
            "fetched_at": timezone.now(),
            "modified_at": transfer.modified_at,
        },
    )
    return kept


def _check(content: bytes, told: str) -> None:
    if not content.startswith(START):
        raise BadPayload(f"What Metrc sent as the PDF of {told} is no PDF. Fetch it again.")
    if len(content) > MOST_BYTES:
        raise BadPayload(
            f"The PDF of {told} has {len(content) / 2**20:,.0f} MB; more than "
            f"{MOST_BYTES // 2**20} MB is not kept. Download it in Metrc."
        )


def fetch_due(connection: Connection, key: str) -> None:
    """Work of the queue: fetch a transfer's manifest, by the transfer's id, if it is due.

    Raises work.Later or work.Stuck.
    """
    transfers = Transfer.objects.select_related("facility__account").defer("raw")
    transfer = transfers.filter(pk=natural(key), facility__account=connection.pk).first()
    if transfer is None or not is_due(transfer):
        return
    account: MetrcAccount = transfer.facility.account
    with outcomes():
        fetch(transfer, client_for(account, WorkItem.Priority.REST))
