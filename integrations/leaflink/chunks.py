"""Many ids, a few at a time: databases limit the number of values in one statement."""

from collections.abc import Iterable, Iterator

AT_A_TIME = 500


def in_chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """The ids in lists of at most AT_A_TIME, in order."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), AT_A_TIME):
        yield ordered[start : start + AT_A_TIME]
