"""Processes on this host: whether one that held something is still there."""

import psutil


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs here.

    One that was killed, and that its parent has not taken note of yet, does not: it would keep what
    it held for as long as its parent sleeps, or for ever where the first process is no init.
    """
    try:
        status: str = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # somebody else's, but alive
    return status not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
