"""Storing packages as Metrc shows them: a few statements for many, and only what changed.

An older LastModified never overwrites a newer one, and a row that can't be read stops no other.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from integrations.metrc.map_items import LotsByNumber
from integrations.metrc.models import MetrcFacility, MetrcItem, Package
from integrations.metrc.wire import payloads
from integrations.metrc.wire.payloads import Unreadable
from integrations.metrc.wire.reads import PackageKind
from integrations.runs import Recorder

Place = Package.Place
PLACES: dict[PackageKind, Place] = {
    "active": Place.ACTIVE,
    "onhold": Place.ACTIVE,
    "intransit": Place.IN_TRANSIT,
    "inactive": Place.INACTIVE,
}
# By tag, what the lists of one window showed so far: when it was changed, and where it is.
Seen = dict[str, tuple[datetime | None, Place]]
LONGEST_LABEL = 50
FOUR_PLACES = Decimal("0.0001")
LARGEST = Decimal(10) ** 14
COLUMNS = (
    "remote_id",
    "metrc_item_id",
    "lot_id",
    "place",
    "quantity",
    "unit",
    "lab_state",
    "on_hold",
    "on_recall",
    "is_trade_sample",
    "is_testing_sample",
    "needs_remediation",
    "packaged_on",
    "expires_on",
    "location",
    "batch_number",
    "modified_at",
)
# What a database says to values that no check of ours has foreseen.
UNSTORABLE = (DatabaseError, ValueError, ArithmeticError)


def store(
    facility: MetrcFacility,
    kind: PackageKind | None,
    rows: Sequence[payloads.Package | Unreadable],
    recorder: Recorder,
    seen: Seen,
) -> None:
    """Store rows of one list (`kind`), or a package that was asked for by itself (None).

    Counts on `recorder`. `seen` is what the other lists of the same window showed, and is added to.
    """
    found: dict[str, Package] = {}
    readable = _readable(rows, recorder)
    items = _items(facility, readable)
    lots = LotsByNumber({item.item_id for item in items.values() if item.item_id})
    stored = {
        one.label: one
        for one in Package.objects.filter(
            facility=facility, label__in=[row.label for row in readable]
        ).defer("raw")
    }
    now = timezone.now()
    unchanged = []
    for row in readable:
        old = stored.get(row.label)
        new = _package(facility, row, items[row.item_name], lots)
        if not _placed(new, kind, old, seen):
            recorder.skip("listed twice")
        elif old and _is_older(new.modified_at, old.modified_at):
            recorder.skip("older than what is known")
        elif old and not _differs(old, new):
            recorder.skip("unchanged")
            unchanged.append(old.pk)
        else:
            new.read_at = now
            found[new.label] = new
    Package.objects.filter(pk__in=unchanged).update(read_at=now)
    _write(list(found.values()), recorder)


def _readable(
    rows: Sequence[payloads.Package | Unreadable], recorder: Recorder
) -> list[payloads.Package]:
    """The rows that can be stored, one of each tag; the others are told with their reason."""
    found: dict[str, payloads.Package] = {}
    for row in rows:
        recorder.seen += 1
        if isinstance(row, Unreadable):
            label = row.raw.get("Label") if isinstance(row.raw, dict) else None
            recorder.problem(f"Package {label or '?'}", row.reason)
        elif why := _unstorable(row):
            recorder.problem(f"Package {row.label}", why)
        elif row.label in found and _is_older(row.last_modified, found[row.label].last_modified):
            recorder.skip("listed twice")
        else:
            recorder.skip("listed twice", int(row.label in found))
            found[row.label] = row
    return list(found.values())


def _unstorable(row: payloads.Package) -> str:
    if len(row.label) > LONGEST_LABEL:
        return f"Its tag is longer than any tag is ({len(row.label)} characters)."
    if not row.item_name:
        return "Metrc names no item for it."
    if not 0 <= row.quantity < LARGEST:
        return f"Its quantity makes no sense: {row.quantity}."
    return ""


def _items(facility: MetrcFacility, rows: Sequence[payloads.Package]) -> dict[str, MetrcItem]:
    """By name the Metrc items of these rows; those that are new are made."""
    names = {row.item_name: row for row in rows}
    mine = MetrcItem.objects.filter(
        account=facility.account_id, name__in=[name[:400] for name in names]
    )
    known = {item.name: item for item in mine}
    fresh = [
        MetrcItem(
            account_id=facility.account_id,
            name=name[:400],
            category=row.item.product_category_name[:200],
            unit=(row.item.unit_of_measure_name or row.unit_of_measure_name)[:50],
        )
        for name, row in names.items()
        if name[:400] not in known
    ]
    if fresh:
        # Another facility's pull may have made one in this moment.
        MetrcItem.objects.bulk_create(fresh, ignore_conflicts=True)
        known = {item.name: item for item in mine.all()}
    return {name: known[name[:400]] for name in names}


def _package(
    facility: MetrcFacility, row: payloads.Package, item: MetrcItem, lots: LotsByNumber
) -> Package:
    """The package that a row describes. A date to use or sell it by is when it expires."""
    where = " · ".join(part for part in (row.location_name, row.sublocation_name) if part)
    dates = [row.expiration_date, row.use_by_date, row.sell_by_date]
    return Package(
        facility=facility,
        remote_id=row.id,
        label=row.label,
        metrc_item=item,
        lot_id=lots.find(item.item_id, row.label, row.production_batch_number),
        quantity=row.quantity.quantize(FOUR_PLACES, rounding=ROUND_HALF_UP),
        unit=row.unit_of_measure_name[:50],
        lab_state=row.lab_testing_state[:50],
        on_hold=row.is_on_hold or row.is_on_hold_combined or row.is_on_investigation,
        on_recall=row.is_on_recall or row.is_on_recall_combined,
        is_trade_sample=row.is_trade_sample,
        is_testing_sample=row.is_testing_sample,
        needs_remediation=row.product_requires_remediation,
        packaged_on=row.packaged_date,
        expires_on=min((day for day in dates if day), default=None),
        location=where[:200],
        batch_number=row.production_batch_number[:200],
        modified_at=row.last_modified,
        raw=row.raw,
    )


def _placed(new: Package, kind: PackageKind | None, old: Package | None, seen: Seen) -> bool:
    """Say where the package is; False when another list has said more of it already."""
    before = seen.get(new.label)
    if kind is None:
        # By itself a row says only what it is; a package that is there again is active.
        stays = old is not None and old.place != Place.GONE
        new.place = Place(old.place) if stays and old else Place.ACTIVE
        new.on_hold = new.on_hold or bool(old and old.on_hold and not _is_newer(new, old))
        return True
    same_or_newer = before is not None and not _is_older(before[0], new.modified_at)
    new.place = PLACES[kind]
    if kind == "onhold":
        new.on_hold = True
        if same_or_newer and before:
            new.place = before[1]
    elif same_or_newer:
        return False
    seen[new.label] = (new.modified_at, new.place)
    return True


def _is_newer(new: Package, old: Package) -> bool:
    return _is_older(old.modified_at, new.modified_at)


def _is_older(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


def _differs(old: Package, new: Package) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in COLUMNS)


def _write(packages: list[Package], recorder: Recorder) -> None:
    """Insert or update; where something can't be stored, all but that."""
    if not packages:
        return
    try:
        with transaction.atomic():
            _upsert(packages)
        recorder.changed += len(packages)
        return
    except UNSTORABLE:
        pass
    for one in packages:
        try:
            with transaction.atomic():
                _upsert([one])
            recorder.changed += 1
        except UNSTORABLE as error:
            recorder.problem(f"Package {one.label}", f"It can't be stored: {error}"[:1000])


def _upsert(packages: list[Package]) -> None:
    # In the order of the tags, so that two writers never wait for each other forever.
    names: list[Any] = [
        name.removesuffix("_id") if name != "remote_id" else name for name in COLUMNS
    ]
    Package.objects.bulk_create(
        sorted(packages, key=lambda one: one.label),
        update_conflicts=True,
        unique_fields=["facility", "label"],
        update_fields=[*names, "read_at", "raw"],
    )
