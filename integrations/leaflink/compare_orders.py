"""A sales order beside what LeafLink says now: line by line, and what else differs."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from catalog.decimals import in_cases
from orders.allocation import set_aside
from orders.drafts import LineDraft, OrderDraft
from orders.models import OrderLine, SalesOrder
from orders.revise import match_lines


@dataclass(frozen=True)
class Difference:
    """One thing that differs, in words: "" where a side has nothing."""

    label: str
    ours: str
    theirs: str
    # Base units set aside for it here (or shipped), which taking LeafLink's would undo.
    set_aside: Decimal = Decimal(0)


@dataclass
class Comparison:
    lines: list[Difference] = field(default_factory=list)
    others: list[Difference] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lines or self.others)


def compare(local: SalesOrder, wanted: OrderDraft) -> Comparison:
    """Everything in which the order as it is here differs from `wanted`, which LeafLink says."""
    return Comparison(_lines(local, wanted), _others(local, wanted))


def summary(local: SalesOrder, wanted: OrderDraft) -> str:
    """The differences in one line, for a history."""
    found = compare(local, wanted)
    told = [
        f"{d.label}: {d.ours or 'none'} → {d.theirs or 'none'}" for d in found.lines + found.others
    ]
    return "; ".join(told) + "." if told else ""


def _lines(local: SalesOrder, wanted: OrderDraft) -> list[Difference]:
    match = match_lines(local, wanted)
    found = [
        Difference(line.name, _said(line), _said(new), set_aside(line))
        for line, _, new in match.kept
        if _shown(line) != _shown(new)
    ]
    # A line whose quantity changed went and came: shown as one, whatever numbers LeafLink gives.
    gone: dict[object, list[OrderLine]] = defaultdict(list)
    for line in match.gone:
        gone[line.item_id or line.sku].append(line)
    for _, new in match.added:
        same = gone[new.item.pk if new.item else new.sku]
        same.sort(key=lambda line, new=new: line.channel_line != new.channel_line)  # type: ignore[misc]
        old = same.pop(0) if same else None
        ours, held = (_said(old), set_aside(old)) if old else ("", Decimal(0))
        found.append(Difference(new.name, ours, _said(new), held))
    left = [line for lines in gone.values() for line in lines]
    return found + [Difference(line.name, _said(line), "", set_aside(line)) for line in left]


def _shown(line: OrderLine | LineDraft) -> tuple[object, ...]:
    return line.price, line.case_size, line.is_sample, line.lot_number


def _said(line: OrderLine | LineDraft) -> str:
    price = f"${line.price:,.2f}" + (" per case" if line.case_size > 1 else "")
    amount = f"{in_cases(line.quantity, line.case_size)} at {price}"
    marks = [amount] + ["sample"] * line.is_sample
    marks += [f"lot {line.lot_number}"] if line.lot_number else []
    return ", ".join(marks)


def _others(local: SalesOrder, wanted: OrderDraft) -> list[Difference]:
    pairs = (
        ("Discounts and credits", _discounts(local.discounts.all()), _discounts(wanted.discounts)),
        ("Shipping charge", _money(local.shipping), _money(wanted.shipping)),
        ("Tax", _money(local.tax), _money(wanted.tax)),
        ("Classification", local.classification, wanted.classification),
        ("Ships to", local.ship_to, wanted.ship_to),
        ("Notes for the buyer", local.notes_for_buyer, wanted.notes_for_buyer),
        ("Internal notes", local.internal_notes, wanted.internal_notes),
        ("Total", _money(local.total), _money(wanted.total)),
    )
    return [Difference(label, ours, theirs) for label, ours, theirs in pairs if ours != theirs]


def _money(amount: Decimal) -> str:
    return f"${amount:,.2f}"


def _discounts(rows: Iterable[object]) -> str:
    return ", ".join(f"{row.label} {_money(row.amount)}" for row in rows)  # type: ignore[attr-defined]
