"""What a check finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that needs doing: what is wrong, and how to put it right, in words."""

    problem: str
    cure: str
