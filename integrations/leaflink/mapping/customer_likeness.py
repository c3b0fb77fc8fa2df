"""How alike a LeafLink customer and a destination are, with the reasons a person can check. Pure.

Names and addresses are ambiguous: they only ever suggest.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from integrations.leaflink.mapping.suggestions import Reason

# What each agreement is worth; below WORTH_SHOWING nobody would call them the same.
LICENSE, NUMBER, EMAIL, ADDRESS, PHONE, NAME = 100, 70, 60, 45, 45, 50
WORTH_SHOWING = 40
ALIKE = 85  # of 100, for names
NOT_A_WORD = re.compile(r"[\W_]+")
COMMON = re.compile(r"\b(llc|inc|co|corp|ltd|dispensary|cannabis|the)\b")


@dataclass(frozen=True)
class Who:
    """A customer or destination, as far as likeness goes. `license` as compared."""

    pk: int
    names: tuple[str, ...] = ()
    license: str = ""
    number: str = ""
    email: str = ""
    phone: str = ""
    places: tuple[tuple[str, str], ...] = ()  # (street, ZIP code)


@dataclass(frozen=True)
class Likeness:
    who: Who
    score: int
    reasons: tuple[Reason, ...]


def likest(customer: Who, destinations: Sequence[Who], limit: int = 3) -> list[Likeness]:
    """The destinations that the customer may be, the likeliest first."""
    found = [likeness(customer, one) for one in destinations]
    worth = [one for one in found if one.score >= WORTH_SHOWING]
    return sorted(worth, key=lambda one: (-one.score, one.who.pk))[:limit]


def likeness(customer: Who, other: Who) -> Likeness:
    """All that speaks for or against the two being one."""
    reasons: list[Reason] = []
    score = 0

    def speaks(worth: int, text: str) -> None:
        nonlocal score
        score += worth
        reasons.append(Reason(text, True))

    if customer.license and customer.license == other.license:
        speaks(LICENSE, "same license")
    elif customer.license and other.license:
        reasons.append(Reason("another license", False))
        score -= NAME
    if _same(customer.number, other.number):
        speaks(NUMBER, "same customer number")
    if _same(customer.email, other.email):
        speaks(EMAIL, "same e-mail")
    if _digits(customer.phone) and _digits(customer.phone) == _digits(other.phone):
        speaks(PHONE, "same phone")
    if {_place(one) for one in customer.places} & {_place(one) for one in other.places}:
        speaks(ADDRESS, "same address")
    ratio = _name_ratio(customer.names, other.names)
    if ratio >= 100:
        speaks(NAME, "same name")
    elif ratio >= ALIKE:
        speaks(round(NAME * ratio / 100), "a name much like it")
    return Likeness(other, score, tuple(reasons))


def _same(one: str, other: str) -> bool:
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()


def _digits(phone: str) -> str:
    digits = re.sub(r"\D", "", phone)[-10:]
    return digits if len(digits) >= 7 else ""


def _place(place: tuple[str, str]) -> tuple[str, str]:
    street, zipcode = place
    return NOT_A_WORD.sub("", street.casefold()), zipcode.strip()[:5]


def plain_name(name: str) -> str:
    """A name as compared: without case, signs, and what every second shop is called."""
    words = NOT_A_WORD.sub(" ", name.casefold())
    return " ".join(COMMON.sub(" ", words).split()) or words.strip()


def _name_ratio(ours: Sequence[str], theirs: Sequence[str]) -> float:
    pairs = [(plain_name(a), plain_name(b)) for a in ours for b in theirs if a and b]
    return max((fuzz.token_sort_ratio(a, b) for a, b in pairs if a and b), default=0)
