"""What a benchmark reports, and how it is shown."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection


@dataclass
class Counter:
    """How many queries were made."""

    count: int = 0


@contextmanager
def count_queries() -> Iterator[Counter]:
    """Count the queries of the block, at next to no cost (Django's own log keeps each)."""
    counter = Counter()

    def count(execute: Any, *arguments: Any) -> Any:
        counter.count += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        yield counter


@dataclass
class Figures:
    """`ratios` compare two ways within one run; `queries` and `sizes` are counts. `seconds` are of
    this machine in this run, and compare with nothing else."""

    name: str
    ratios: dict[str, float] = field(default_factory=dict)
    queries: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    def as_text(self) -> str:
        lines = [self.name]
        for title, numbers in (
            ("", self.sizes),
            ("queries", self.queries),
            ("time, as a ratio", self.ratios),
            ("seconds here", self.seconds),
        ):
            for label, number in numbers.items():
                shown = f"{number:,.2f}" if isinstance(number, float) else f"{number:,}"
                lines.append(f"  {f'{title}: ' if title else ''}{label}: {shown}")
        return "\n".join(lines)
