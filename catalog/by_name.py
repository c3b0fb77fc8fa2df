"""Finding records by what people call them in a file."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Record = TypeVar("Record")


class ByName(Generic[Record]):
    """Records read once, by one name or several of each; spelled exactly so, else in any capitals.

    `what` ("brand") and `where` ("Brands", the page on which to add one) are for the message.
    """

    def __init__(self, what: str, where: str, records: Iterable[Record], *names: str) -> None:
        self.what, self.where = what, where
        self.exactly: dict[str, Record] = {}
        self.folded: dict[str, Record] = {}
        every = list(records)
        # Where one record's second name is another's first, the first name counts.
        for name in reversed(names):
            for record in every:
                text = str(getattr(record, name))
                self.exactly[text] = record
                self.folded[text.lower()] = record

    def get(self, name: str) -> Record | None:
        return self.exactly.get(name) or self.folded.get(name.lower())

    def find(self, name: str) -> Record:
        """The record; raises ValueError with what to do when there is none."""
        record = self.get(name)
        if record is None:
            raise ValueError(f"There is no {self.what} “{name}”. Add it under {self.where} first.")
        return record


def by_name_within(
    what: str, where: str, records: Iterable[Record], group: str, name: str
) -> dict[Hashable, ByName[Record]]:
    """A ByName for each value of the attribute `group`: lots by item, say."""
    groups: dict[Hashable, list[Record]] = defaultdict(list)
    for record in records:
        groups[getattr(record, group)].append(record)
    return {key: ByName(what, where, some, name) for key, some in groups.items()}
