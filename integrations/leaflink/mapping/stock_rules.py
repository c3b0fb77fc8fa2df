"""From what is on hand to what LeafLink should show: pure numbers, all in base units.

What is counted and not weighed is shown in whole units: what is kept back is rounded up, the
maximum down, so that never more is shown than the rules allow.

    kept back = the closest rule's units or percent of on hand, and never less than the item's own
    sellable  = on hand − committed − kept back, not below zero
    shown     = sellable, but not more than the closest rule's maximum
    quantity  = shown + what is held here for orders that LeafLink itself still reserves

LeafLink then offers quantity − its own reserved.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

ZERO = Decimal(0)
WHOLE, FRACTION = Decimal(1), Decimal("0.0001")


@dataclass(frozen=True)
class Rule:
    """What one place (an item, a brand, an account) says; None where it says nothing."""

    safety_units: Decimal | None = None
    safety_percent: Decimal | None = None
    most_shown: Decimal | None = None

    @property
    def says_safety(self) -> bool:
        return self.safety_units is not None or self.safety_percent is not None

    def kept_back(self, on_hand: Decimal) -> Decimal:
        """Base units that this rule keeps back of `on_hand`, not rounded."""
        if self.safety_units is not None:
            return self.safety_units
        if self.safety_percent is None:
            return ZERO
        return on_hand * self.safety_percent / 100


@dataclass(frozen=True)
class Target:
    """The parts of the quantity to send. `expected_reserved` is how much LeafLink should say that
    it reserves; `least_safety` is what the item itself keeps back from every channel."""

    on_hand: Decimal = ZERO
    committed: Decimal = ZERO
    least_safety: Decimal = ZERO
    # The closest first: item, brand, account.
    rules: tuple[Rule, ...] = ()
    held_for_leaflink: Decimal = ZERO
    expected_reserved: Decimal = ZERO
    is_counted: bool = True

    @property
    def free(self) -> Decimal:
        """Below zero when more is promised than there is."""
        return self.on_hand - self.committed

    @property
    def safety_at(self) -> int | None:
        """Which of the rules keeps something back: the closest that says so; None for none."""
        return next((at for at, rule in enumerate(self.rules) if rule.says_safety), None)

    @property
    def kept_back(self) -> Decimal:
        rule = Rule() if self.safety_at is None else self.rules[self.safety_at]
        kept = max(self.least_safety, rule.kept_back(self.on_hand))
        return kept.quantize(self._step, rounding=ROUND_CEILING)

    @property
    def _step(self) -> Decimal:
        """The least difference between two quantities of the item."""
        return WHOLE if self.is_counted else FRACTION

    @property
    def sellable(self) -> Decimal:
        return max(ZERO, self.free - self.kept_back)

    @property
    def cap_at(self) -> int | None:
        """Which of the rules says how much is shown at the most; None for none."""
        return next((at for at, rule in enumerate(self.rules) if rule.most_shown is not None), None)

    @property
    def most_shown(self) -> Decimal | None:
        most = None if self.cap_at is None else self.rules[self.cap_at].most_shown
        return None if most is None else most.quantize(self._step, rounding=ROUND_FLOOR)

    @property
    def shown(self) -> Decimal:
        """What buyers should be offered."""
        cap = self.most_shown
        return self.sellable if cap is None else min(self.sellable, cap)

    @property
    def quantity(self) -> Decimal:
        """What is to be sent."""
        return self.shown + self.held_for_leaflink
