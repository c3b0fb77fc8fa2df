"""What differs from state to state, as data: Metrc has the same calls in all of them.

The two states here are like California and Michigan in what is known of them, and differ in what is
not, so that nobody leans on one answer to an open question.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

STANDARD, WHOLESALE = "Standard", "Wholesale"


@dataclass(frozen=True)
class TransferType:
    """A kind of transfer, and what Metrc wants to know when one is made."""

    name: str
    transaction: str = STANDARD
    destination_gross_weight: bool = False
    packages_gross_weight: bool = False
    invoice_number: bool = False

    @property
    def wholesale_price(self) -> bool:
        """Whether each package needs a price (Metrc: the wholesale types)."""
        return self.transaction == WHOLESALE


@dataclass(frozen=True)
class StateRules:
    """How one state's Metrc behaves."""

    code: str
    name: str
    types: tuple[TransferType, ...]
    label_prefix: str
    # The widest lastModified window that is answered, and how much is shown without one.
    window: timedelta = timedelta(hours=24)
    recent: timedelta = timedelta(hours=24)
    page_size: int = 20
    # Whether a transfer says of which template it was made.
    fills_template_id: bool = True
    # "json": the PDF's bytes as base64 in a JSON object; "pdf": the bytes themselves.
    manifest_form: str = "json"
    # What is added to a transfer's id for its manifest number.
    manifest_offset: int = 0
    # Whether the carrier, its driver and its vehicle must be named.
    needs_transporter: bool = True
    # Whether registering a template takes it off the list.
    archives_used_templates: bool = False
    # Whether /packages/v2/transferred shows what isn't received yet.
    transferred_shows_shipped: bool = False
    # "null" or "": the body of an answer 401, 413 or 429.
    empty_body: str = "null"
    license_type: str | int = "Licensed"
    passing_lab_states: tuple[str, ...] = (
        "TestPassed",
        "RetestPassed",
        "NotRequired",
        "ProcessValidated",
        "Remediated",
        "Decontaminated",
        "RandDCompleted",
    )

    def type_named(self, name: str | None) -> TransferType | None:
        """The transfer type of that name; None for one this state doesn't have."""
        return next((kind for kind in self.types if kind.name == name), None)


CALIFORNIA = StateRules(
    code="ca",
    name="California",
    types=(
        TransferType("Transfer"),
        TransferType("Return"),
        TransferType("Wholesale Manifest", WHOLESALE, invoice_number=True),
    ),
    label_prefix="1A4AB03",
    # Some hosts are seen to take years at once: this one takes a season.
    window=timedelta(days=92),
)
MICHIGAN = StateRules(
    code="mi",
    name="Michigan",
    types=(
        TransferType("Wholesale Transfer", WHOLESALE, destination_gross_weight=True),
        TransferType("AU Affiliated Transfer", destination_gross_weight=True),
        TransferType(
            "Processor to Processor", destination_gross_weight=True, packages_gross_weight=True
        ),
    ),
    label_prefix="1A4FF01",
    fills_template_id=False,
    manifest_form="pdf",
    manifest_offset=5_000_000,
    needs_transporter=False,
    empty_body="",
    license_type=0,
)
STATES = {rules.code: rules for rules in (CALIFORNIA, MICHIGAN)}

# Lab states a package can be in (Metrc: /labtests/v2/states).
LAB_STATES = (
    "NotSubmitted",
    "SubmittedForTesting",
    "TestFailed",
    "TestPassed",
    "TestingInProgress",
    "AwaitingConfirmation",
    "RetestFailed",
    "RetestPassed",
    "Remediated",
    "SelectedForRandomTesting",
    "NotRequired",
    "ProcessValidated",
    "Decontaminated",
    "RandDCompleted",
)
COUNT, WEIGHT, VOLUME = "CountBased", "WeightBased", "VolumeBased"
# Name: abbreviation, and what it counts.
UNITS = {
    "Each": ("ea", COUNT),
    "Grams": ("g", WEIGHT),
    "Kilograms": ("kg", WEIGHT),
    "Milligrams": ("mg", WEIGHT),
    "Ounces": ("oz", WEIGHT),
    "Pounds": ("lb", WEIGHT),
    "Fluid Ounces": ("fl oz", VOLUME),
}
