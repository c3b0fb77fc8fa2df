"""Where an order ships from: the account's rules asked in order, and why each did or didn't answer.

What a person chose for the order comes before all rules. The sandbox of this is its test page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from catalog.models import Brand, Facility
from customers.models import Destination, SalesRep
from integrations.leaflink.models import Account, RoutingRule

Kind = RoutingRule.Kind


@dataclass(frozen=True)
class Facts:
    """What of an order the rules look at."""

    rep: SalesRep | None = None
    destination: Destination | None = None
    brands: frozenset[Brand] = frozenset()
    classification: str = ""
    chosen: Facility | None = None


@dataclass(frozen=True)
class Step:
    """A rule that was asked: its name, what it found, and whether it decided."""

    rule: str
    why: str
    decides: bool


@dataclass
class Route:
    """Where the order ships from (None: nowhere yet), and how that came about."""

    facility: Facility | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """The rule that decided, with what it found, in one line."""
        for step in self.steps:
            if step.decides:
                return f"{step.rule}: {step.why}"
        return "No routing rule says where it ships from."


def rules_of(account: Account) -> list[RoutingRule]:
    """The account's rules in the order they are asked."""
    rules = RoutingRule.objects.filter(account=account)
    return list(rules.select_related("brand", "facility"))


def route(account: Account, rules: Sequence[RoutingRule], facts: Facts) -> Route:
    """Ask the rules one by one; the first that names an active facility decides."""
    found = Route()
    if facts.chosen:
        closed = "" if facts.chosen.is_active else ", which is no longer active"
        found.facility = facts.chosen if facts.chosen.is_active else None
        why = f"{facts.chosen}{closed}"
        found.steps.append(Step("Chosen for this order", why, found.facility is not None))
    for rule in rules:
        place, why = _answer(account, rule, facts) if rule.is_on else (None, "This rule is off.")
        if place and not place.is_active:
            place, why = None, f"{place} is no longer active."
        decides = place is not None and found.facility is None
        if decides:
            found.facility = place
        elif place:
            why = f"{why} An earlier rule has decided."
        found.steps.append(Step(str(rule), why, decides))
    return found


def _answer(account: Account, rule: RoutingRule, facts: Facts) -> tuple[Facility | None, str]:
    if rule.kind == Kind.REP:
        if facts.rep is None:
            return None, "The order has no mapped sales rep."
        return _default_of(facts.rep, facts.rep.default_facility)
    if rule.kind == Kind.DESTINATION:
        if facts.destination is None:
            return None, "The destination is not known yet."
        return _default_of(facts.destination, facts.destination.default_facility)
    if rule.kind == Kind.BRAND:
        names = ", ".join(sorted(map(str, facts.brands))) or "none that is known"
        if facts.brands == {rule.brand}:
            return rule.facility, f"All goods are of {rule.brand}: {rule.facility}."
        return None, f"The goods are of {names}."
    if rule.kind == Kind.LICENSE:
        return _by_license(rule, facts)
    place = account.default_facility
    return place, f"{place}." if place else "The account has no default facility."


def _default_of(whose: object, place: Facility | None) -> tuple[Facility | None, str]:
    return place, f"{whose} → {place}." if place else f"{whose} has no default facility."


def _by_license(rule: RoutingRule, facts: Facts) -> tuple[Facility | None, str]:
    own = facts.destination.license_type if facts.destination else ""
    values = [value for value in (own, facts.classification) if value]
    if rule.license_type.casefold() in (value.strip().casefold() for value in values):
        return rule.facility, f"{rule.license_type}: {rule.facility}."
    return None, f"The order is {' / '.join(dict.fromkeys(values)) or 'of no known type'}."
