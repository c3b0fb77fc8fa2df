"""The licenses that an account's keys reach, and which of our facilities each is."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction

from catalog.models import Facility
from customers.models import normalized_license
from integrations.metrc.keep_rows import keep_rows
from integrations.metrc.models import MetrcAccount, MetrcFacility
from integrations.metrc.wire import payloads
from integrations.runs import Recorder


class Taken(Exception):
    """A facility of ours can be one license only. The text is for people."""


def keep_facilities(
    account: MetrcAccount,
    rows: Sequence[payloads.Facility | payloads.Unreadable],
    run: Recorder,
) -> None:
    """Keep the licenses that Metrc lists now, and map new ones. What it lists no longer is kept,
    as not listed: packages and transfers hang on it."""
    found: dict[object, dict[str, object]] = {}
    is_whole = True
    for row in rows:
        run.seen += 1
        if isinstance(row, payloads.Unreadable):
            run.problem("a license", row.reason)
            is_whole = False
            continue
        number = row.license_number[:100]
        key = normalized_license(number)
        if not key or key in found:
            told = f"Metrc lists {number} twice." if key else "Metrc names no license for it."
            run.problem(row.label[:100] or "a license", told)
            continue
        found[key] = {
            "license_number": number,
            "license_type": row.license.license_type[:200],
            "name": row.label[:400],
            "remote_id": row.facility_id,
            "ships_on_hold": row.allow_transfer_of_on_hold_packages,
        }
    mine = MetrcFacility.objects.filter(account=account)
    keep_rows(mine, {"account": account}, "license_key", found, run, is_whole=is_whole)
    map_by_license(account, run)


def map_by_license(account: MetrcAccount, run: Recorder) -> None:
    """Map each license of which nobody has chosen the facility, where exactly one of ours has its
    number. What is another license's already stays so."""
    waiting = list(account.facilities.filter(facility=None, is_chosen=False, is_listed=True))
    if not waiting:
        return
    ours: dict[str, list[Facility]] = defaultdict(list)
    for facility in Facility.objects.filter(is_active=True):
        if facility.state.strip().upper() in ("", account.state):
            ours[normalized_license(facility.license_number)].append(facility)
    for row in waiting:
        same = ours.get(row.license_key, [])
        if len(same) != 1:
            continue
        free = MetrcFacility.objects.filter(pk=row.pk, facility=None, is_chosen=False)
        try:
            with transaction.atomic():
                run.changed += free.update(facility=same[0])
        except IntegrityError:
            continue


def choose(account: MetrcAccount, wanted: Mapping[int, int | None]) -> list[MetrcFacility]:
    """A person says of licenses (by id) which facility of ours each is, None for none. Returns
    those that have become another one. Raises Taken, and changes nothing then."""
    chosen = [pk for pk in wanted.values() if pk is not None]
    names = dict(Facility.objects.filter(pk__in=chosen).values_list("pk", "name"))
    for pk in chosen:
        if chosen.count(pk) > 1:
            raise Taken(f"{names.get(pk, 'A facility')} is chosen twice. It can be one license.")
    with transaction.atomic():
        rows = account.facilities.select_for_update().filter(pk__in=wanted)
        changed = [
            row
            for row in rows
            if row.facility_id != wanted[row.pk] and (wanted[row.pk] or None) in (None, *names)
        ]
        ids = [row.pk for row in changed]
        # Two that change places must both be free first.
        MetrcFacility.objects.filter(pk__in=ids).update(facility=None, is_chosen=True)
        new = {row.pk: wanted[row.pk] for row in changed}
        others = MetrcFacility.objects.filter(facility__in=[pk for pk in new.values() if pk])
        other = others.select_related("facility", "account").first()
        if other:
            raise Taken(
                f"{other.facility} is the license {other.license_number} of {other.account} "
                "already. Choose none there first."
            )
        for row in changed:
            row.facility_id, row.is_chosen = new[row.pk], True
            if row.facility_id:
                MetrcFacility.objects.filter(pk=row.pk).update(facility=row.facility_id)
    return changed
