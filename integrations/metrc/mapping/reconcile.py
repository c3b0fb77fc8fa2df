"""What was ordered, set aside, shipped and received of an order line: pure numbers.

Amounts are in base units of our item where Metrc's unit can be counted in it, else in Metrc's own
unit: they are then added up apart, never converted by guessing. Of each unit these always hold:

    ordered + allocated beyond it = allocated + missing
    shipped + over                = received + short + rejected + on the way + unclear

Metrc: a package is accepted or rejected whole; the receiver counts what is accepted, and may count
it in another unit than the shipper's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import StrEnum

from catalog.decimals import with_thousands

ZERO = Decimal(0)


class Kind(StrEnum):
    """In what way a package did not arrive as it left."""

    SHORT = "short"
    OVER = "over"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Amount:
    """`unit` "" is the base unit of our item, anything else Metrc's own unit."""

    quantity: Decimal
    unit: str = ""

    @property
    def words(self) -> str:
        """As people say it: "2", "24 each", "28.3496 grams"."""
        return in_words(self.quantity, self.unit)


def in_words(quantity: Decimal, unit: str) -> str:
    """A quantity with the name of its unit, ours ("Unit") or Metrc's ("Grams")."""
    name = unit.lower()
    if name and name != "each" and not name.endswith("s") and quantity != 1:
        name += "s"
    return f"{with_thousands(quantity)} {name}".strip()


@dataclass(frozen=True)
class Packed:
    """A package as it was assigned, and what Metrc says of it.

    `state` is Metrc's word. `rounding` is how far the received amount may be off because it was
    counted in another unit than the shipped one. `is_back` says that a rejected package is in our
    license again.
    """

    label: str
    state: str = ""
    assigned: Decimal | None = None
    shipped: Amount | None = None
    received: Amount | None = None
    rounding: Decimal = ZERO
    is_back: bool = False
    # Whether Metrc's delivery has it.
    is_on_transfer: bool = True


@dataclass(frozen=True)
class Sums:
    """The amounts of one unit. `returned` is the part of `rejected` that is back."""

    shipped: Decimal = ZERO
    received: Decimal = ZERO
    short: Decimal = ZERO
    over: Decimal = ZERO
    rejected: Decimal = ZERO
    returned: Decimal = ZERO
    on_the_way: Decimal = ZERO
    # Of what was received, Metrc does not say how much, or in a unit that can't be compared.
    unclear: Decimal = ZERO

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def difference(self) -> tuple[Kind, Decimal] | None:
        """In what way it did not arrive as it left, and by how much; None: it did, or may yet."""
        found = ((Kind.REJECTED, self.rejected), (Kind.SHORT, self.short), (Kind.OVER, self.over))
        return next(((kind, amount) for kind, amount in found if amount > 0), None)


@dataclass(frozen=True)
class Line:
    """A line's amounts in base units, its packages, and what became of them by unit."""

    ordered: Decimal = ZERO
    allocated: Decimal = ZERO
    packages: Sequence[Packed] = ()
    by_unit: dict[str, Sums] = field(default_factory=dict)

    @property
    def missing(self) -> Decimal:
        """Ordered and not set aside."""
        return max(ZERO, self.ordered - self.allocated)

    @property
    def beyond(self) -> Decimal:
        """Set aside beyond what was ordered."""
        return max(ZERO, self.allocated - self.ordered)

    @property
    def assigned(self) -> Decimal:
        """What the packages held when they were assigned."""
        return sum((one.assigned or ZERO for one in self.packages), ZERO)

    @property
    def ours(self) -> Sums:
        """What became of what can be counted in base units."""
        return self.by_unit.get("", Sums())

    @property
    def not_shipped(self) -> Sequence[Packed]:
        """Packages of the line that the transfer does not have."""
        return [one for one in self.packages if not one.is_on_transfer]


def line_of(ordered: Decimal, allocated: Decimal, packages: Iterable[Packed]) -> Line:
    """Put together what is known of a line."""
    packed = list(packages)
    by_unit: dict[str, Sums] = {}
    for one in packed:
        if one.shipped is not None:
            so_far = by_unit.get(one.shipped.unit, Sums())
            by_unit[one.shipped.unit] = so_far + sums_of(one)
    return Line(ordered, allocated, packed, by_unit)


def sums_of(package: Packed) -> Sums:
    """What became of one package, in the unit it was shipped in; nothing where it was not."""
    if package.shipped is None:
        return Sums()
    shipped = package.shipped.quantity
    if package.state == "Shipped":
        return Sums(shipped=shipped, on_the_way=shipped)
    if package.state in ("Rejected", "Returned"):
        is_back = package.is_back or package.state == "Returned"
        return Sums(shipped=shipped, rejected=shipped, returned=shipped if is_back else ZERO)
    received = package.received
    if package.state != "Accepted" or received is None or received.unit != package.shipped.unit:
        return Sums(shipped=shipped, unclear=shipped)
    if abs(received.quantity - shipped) <= package.rounding:
        return Sums(shipped=shipped, received=shipped)
    return Sums(
        shipped=shipped,
        received=received.quantity,
        short=max(ZERO, shipped - received.quantity),
        over=max(ZERO, received.quantity - shipped),
    )


def last_place(quantity: Decimal) -> Decimal:
    """Half of the last place that a number was given to: by so much rounding may have moved it."""
    exponent = quantity.normalize().as_tuple().exponent
    places = exponent if isinstance(exponent, int) else 0
    return Decimal(5).scaleb(min(0, places) - 1)
