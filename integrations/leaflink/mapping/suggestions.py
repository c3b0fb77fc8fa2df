"""How alike a product and an item are, with the reasons a person can check. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rapidfuzz import fuzz, process

# Below this nobody would call them the same.
WORTH_SHOWING = 55
BEYOND_DOUBT = 95
# How many of the pool are looked at closely for each.
LOOKED_AT = 12
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(mg|g|grams?|kg|oz|lbs?|ml|packs?|pk|ct|count)\b")
SPELLINGS = {"gram": "g", "grams": "g", "lbs": "lb", "packs": "pk", "pack": "pk", "count": "ct"}
NOT_A_WORD = re.compile(r"[^\w.%]+")


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for (`good`) or against a pair."""

    text: str
    good: bool


@dataclass
class Thing:
    """A product or an item, as far as likeness goes. `unit` in LeafLink's words."""

    pk: int
    sku: str
    name: str
    brand: str = ""
    strain: str = ""
    unit: str = ""
    case_size: int = 1

    @cached_property
    def words(self) -> str:
        """The name in plain words, sizes in one spelling, without the brand's own words."""
        brand = set(words(self.brand).split())
        found = words(self.name).split()
        return " ".join(word for word in found if word not in brand) or " ".join(found)

    @cached_property
    def code(self) -> str:
        """The SKU without what people leave out: capitals, dashes, blanks."""
        return re.sub(r"[\W_]+", "", self.sku.casefold())

    @cached_property
    def sizes(self) -> frozenset[str]:
        """The sizes in the name ("100mg", "3.5g")."""
        return frozenset(word for word in self.words.split() if SIZE.fullmatch(word))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The words of the name that have a digit: a size, a series."""
        return frozenset(word for word in self.words.split() if re.search(r"\d", word))

    @cached_property
    def is_sample(self) -> bool:
        """Whether the name says that it is one."""
        return "sample" in self.words.split()


def _listed(numbers: frozenset[str]) -> str:
    return f"number {', '.join(sorted(numbers))}" if numbers else "no number"


@dataclass(frozen=True)
class Suggestion:
    """`score` from 0 to 100."""

    thing: Thing
    score: int
    reasons: list[Reason] = field(default_factory=list)


def words(text: str) -> str:
    """Lower-case words; "100 mg" and "1/8 oz" as "100mg" and "3.5g"."""
    text = text.casefold().replace("1/8 oz", "3.5g").replace("1/4 oz", "7g")
    text = SIZE.sub(lambda m: f"{m[1]}{SPELLINGS.get(m[2], m[2])}", text)
    return NOT_A_WORD.sub(" ", text).strip()


def suggest(
    things: Sequence[Thing], pool: Sequence[Thing], most: int = 3
) -> list[list[Suggestion]]:
    """For each thing the best of the pool, best first; an empty list where nothing is alike."""
    names = [one.words for one in pool]
    codes = [one.code for one in pool]
    by_code: dict[str, list[int]] = {}
    for index, code in enumerate(codes):
        by_code.setdefault(code, []).append(index)
    found = []
    for thing in things:
        near = set(by_code.get(thing.code, ())) if thing.code else set()
        for query, choices, scorer in (
            (thing.words, names, fuzz.token_set_ratio),
            (thing.code, codes, fuzz.ratio),
        ):
            if query:
                hits = process.extract(
                    query, choices, scorer=scorer, limit=LOOKED_AT, score_cutoff=50
                )
                near |= {index for _, _, index in hits}
        rated = [compare(thing, pool[index]) for index in near]
        rated = [one for one in rated if one.score >= WORTH_SHOWING]
        rated.sort(key=lambda one: (-one.score, one.thing.name, one.thing.pk))
        # Next to one that is beyond doubt the others are only in the way.
        found.append(rated[:1] if rated and rated[0].score >= BEYOND_DOUBT else rated[:most])
    return found


def compare(thing: Thing, other: Thing) -> Suggestion:
    """How alike the two are, and why."""
    reasons: list[Reason] = []

    def note(text: str, good: bool) -> None:
        reasons.append(Reason(text, good))

    name = round(
        0.6 * fuzz.token_set_ratio(thing.words, other.words)
        + 0.4 * fuzz.token_sort_ratio(thing.words, other.words)
    )
    score = 0.7 * name
    if thing.sku and thing.sku == other.sku:
        note("same SKU", True)
        score = 100
    elif thing.code and thing.code == other.code:
        note("same SKU but for its spelling", True)
        score = 95
    else:
        score += 0.12 * fuzz.ratio(thing.code, other.code)
    note(f"name {name} %", name >= 70)
    if strain := thing.strain or other.strain:
        # The whole name: a brand may be called after a strain.
        both = [f" {words(one.strain or one.name)} " for one in (thing, other)]
        if f" {words(strain)} " in both[0] and f" {words(strain)} " in both[1]:
            note("same strain", True)
            score += 6
        else:
            note("another strain", False)
            score -= 12
    if thing.brand and other.brand:
        same = words(thing.brand) == words(other.brand)
        note("same brand" if same else f"brand {other.brand}", same)
        score += 6 if same else -10
    if thing.sizes and other.sizes:
        same = thing.sizes == other.sizes
        note(f"same size {', '.join(sorted(other.sizes))}" if same else "another size", same)
        score += 6 if same else -15
    ours, theirs = thing.numbers - thing.sizes, other.numbers - other.sizes
    if ours != theirs:
        note(f"{_listed(theirs)}, not {_listed(ours)}", False)
        score -= 15
    if thing.is_sample != other.is_sample:
        note("a sample" if other.is_sample else "not a sample", False)
        score -= 20
    if thing.unit and other.unit and thing.unit != other.unit:
        note(f"counted in {other.unit.lower()}s, not {thing.unit.lower()}s", False)
        score -= 15
    if thing.case_size != other.case_size:
        note(f"case of {other.case_size}, not {thing.case_size}", False)
        score -= 3
    elif thing.case_size > 1:
        note(f"case of {thing.case_size} on both sides", True)
    return Suggestion(other, max(0, min(100 if score >= 100 else 99, round(score))), reasons)
