"""What a rule's value brings about, in one plain sentence. Pure functions from value to sentence.

Each takes the value as it is stored (see `rule_values`) and the same in words.
"""

from collections.abc import Callable, Mapping

from integrations.leaflink.mapping.status_rules import Preset
from integrations.leaflink.mapping.status_rules import preset_of as status_preset_of

Sentence = Callable[[object, str], str]


def on_off(on: str, off: str) -> Sentence:
    """One sentence for each position of a switch."""
    return lambda value, words: on if value else off


def given(with_value: str, without: str) -> Sentence:
    """A sentence about the value ("{}" is its words), and one for when there is none."""
    return lambda value, words: without if value in (None, "", []) else with_value.format(words)


def by_choice(sentences: Mapping[str, str]) -> Sentence:
    """One sentence for each choice; each value has one, or it is a mistake here (KeyError)."""
    return lambda value, words: sentences[str(value)]


def follows_ours(value: object, words: str) -> str:
    """What LeafLink's orders do when ours move on."""
    assert isinstance(value, dict)
    preset = status_preset_of(value)
    if preset == Preset.OFF:
        return "Nothing that happens to an order here moves LeafLink's order."
    if preset == Preset.FLOURISH:
        return (
            "LeafLink's order follows ours from the first allocation to shipping, and is rejected "
            "when ours is canceled."
        )
    if preset == Preset.DISTRU:
        return (
            "LeafLink's order is accepted when ours is imported, follows it until it is completed, "
            "and is rejected when ours is canceled."
        )
    return "LeafLink's order is moved on by those of our statuses that are named, by no others."


def follows_theirs(value: object, words: str) -> str:
    """What our orders do when somebody moves LeafLink's order on by hand."""
    if not value:
        return (
            "An order that is moved on by hand in LeafLink waits here for a person, since no stock "
            "has moved."
        )
    return (
        f"When an order is set to {words} in LeafLink by hand, ours follows, if all its goods are "
        "on the shelf."
    )


CUSTOMERS: Sentence = by_choice(
    {
        "create": "An order of an unknown customer makes a new destination of that customer.",
        "blank": (
            "An order of an unknown customer is imported without destination, and somebody "
            "chooses one later."
        ),
        "hold": "An order of an unknown customer is held until somebody chooses a destination.",
    }
)
SHORTAGE: Sentence = by_choice(
    {
        "hold": "An order for more than there is waits until there is enough.",
        "import": "An order for more than there is comes in, and is allocated as stock arrives.",
    }
)
NEW_PRODUCTS: Sentence = by_choice(
    {
        "Available": "Buyers see and can order a product as soon as it is created from here.",
        "Internal": "Buyers don't see a product created from here until you release it there.",
        "Unavailable": "A product created from here can't be ordered until you release it there.",
        "Backorder": "A product created from here is shown as on backorder.",
        "Sample": "A product created from here is shown as a sample.",
    }
)
IGNORED_PRICES: Sentence = by_choice(
    {
        "": "A price that changes in LeafLink's order changes ours too, however far it has got.",
        "created": "Prices that change in LeafLink after the order is imported are ignored.",
        "partially_allocated": (
            "Prices that change in LeafLink are ignored as soon as any stock is allocated."
        ),
        "allocated": "Prices that change in LeafLink are ignored once all stock is allocated.",
        "shipped": "Prices that change in LeafLink are ignored once the order is shipped.",
    }
)
