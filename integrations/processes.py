"""Processes on this host: whether one that held something is still there."""

import os


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs here."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, but alive
    return True
