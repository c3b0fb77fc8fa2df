"""The rules that are rows of their own: brands sold, and routing. In words, and their history.

They are edited on the account's page. Their changes are noted beside those of the account's own
rules; what a row said is put back where it is edited.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from catalog.decimals import plain
from integrations.leaflink.models import Account, AccountBrand, RoutingRule, RuleChange
from integrations.leaflink.rule_values import Value, read, words
from integrations.leaflink.rules import BY_NAME, Group

BRANDS, ROUTING = "brands", "routing"
GROUPS = {BRANDS: Group.STOCK, ROUTING: Group.ROUTING}
LABELS = {BRANDS: "Brands sold", ROUTING: "Routing rules, in the order they are asked"}


@dataclass(frozen=True)
class RowInWords:
    """One row: which kind, what it is about, and what it says."""

    kind: str
    about: str
    says: str


def rows_in_words(account: Account) -> list[RowInWords]:
    """What the account's brands and routing rules say, in two queries."""
    brands = AccountBrand.objects.filter(account=account).select_related("brand", "leaflink_brand")
    routing = RoutingRule.objects.filter(account=account).select_related("brand", "facility")
    return [
        *(
            RowInWords(BRANDS, str(row.brand), _brand(row))
            for row in brands.order_by("brand__name")
        ),
        *(RowInWords(ROUTING, str(row), _routing(row)) for row in routing),
    ]


def _brand(row: AccountBrand) -> str:
    parts = [f"Called {row.leaflink_brand} in LeafLink"] if row.leaflink_brand else []
    if row.safety_units is not None:
        parts.append(f"keeps back {plain(row.safety_units)} units")
    if row.safety_percent is not None:
        parts.append(f"keeps back {plain(row.safety_percent)} %")
    if row.most_shown is not None:
        parts.append(f"shows {plain(row.most_shown)} units at the most")
    text = ", ".join(parts) or "as the account says"
    return f"{text[0].upper()}{text[1:]}."


def _routing(row: RoutingRule) -> str:
    if not row.is_on:
        return f"Off (number {row.position})."
    where = f", ships from {row.facility}" if row.facility else ""
    return f"On (number {row.position}){where}."


@contextmanager
def noting_rows(account: Account, by: Any) -> Iterator[None]:
    """Note as `by`'s what changes in the rows of `account` meanwhile. Use it inside of the
    transaction that changes them."""
    rows, switches = _rows(account), _switches(account)
    yield
    rows_after, switches_after = _rows(account), _switches(account)
    for name, value in switches_after.items():
        if value != switches[name]:
            rule = BY_NAME[name]
            said = words(rule, switches[name]), words(rule, value)
            _note(account, by, name, "", switches[name], value, said)
    for kind, about in [*rows, *(key for key in rows_after if key not in rows)]:
        old, new = rows.get((kind, about)), rows_after.get((kind, about))
        if old != new:
            _note(account, by, kind, about, old, new, (old or "Not there", new or "Not there"))


def _rows(account: Account) -> dict[tuple[str, str], str]:
    return {(row.kind, row.about): row.says for row in rows_in_words(account)}


def _switches(account: Account) -> dict[str, Value]:
    return {name: value for name, value in read(account).items() if BY_NAME[name].routing_kind}


def _note(
    account: Account, by: Any, rule: str, about: str, old: Value, new: Value, said: tuple[str, str]
) -> None:
    RuleChange.objects.create(
        account=account,
        rule=rule,
        about=about,
        old=old,
        new=new,
        old_words=said[0],
        new_words=said[1],
        by=by,
        by_way_of="Account page",
    )
