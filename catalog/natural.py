"""Ids as they stand in addresses and forms."""

LARGEST = 2**63 - 1


def natural(text: str) -> int:
    """An id as it stands in an address; 0, which none is, for anything else."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST))):
        return 0
    number = int(text)
    return number if number <= LARGEST else 0


class IdConverter:
    """`<id:…>` in an address. One that no database could hold is 0: a row that is not there, where
    Django's own `<id:…>` hands on a number that makes the database fail."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        return natural(value)

    def to_url(self, value: int) -> str:
        return str(value)
