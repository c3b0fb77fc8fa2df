"""Ids as they stand in addresses and forms."""


def natural(text: str) -> int:
    """An id as it stands in an address; 0, which none is, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
