"""A client of a host that `responses` plays, and what it needs."""

from integrations.metrc.wire.client import MetrcClient

BASE = "https://api-mi.metrc.com"
VENDOR_KEY, USER_KEY = "vendor-8Qx/Pz+41", 'user-Zk27=Lm"9'
LICENSE = "AU-P-000123"


class FreeBudget:
    def __init__(self):
        self.taken, self.pauses = 0, []

    def take(self):
        self.taken += 1

    def pause(self, seconds):
        self.pauses.append(seconds)


def client_of(base_url=BASE, keys=(VENDOR_KEY, USER_KEY), **more):
    more.setdefault("budget", FreeBudget())
    more.setdefault("sleep", lambda seconds: None)
    return MetrcClient(base_url, *keys, **more)


def page(rows, number=1, pages=1, total=None):
    """An envelope as Metrc sends it."""
    total = len(rows) if total is None else total
    return {
        "Data": rows,
        "Total": total,
        "TotalRecords": total,
        "PageSize": 20,
        "RecordsOnPage": len(rows),
        "Page": number,
        "CurrentPage": number,
        "TotalPages": pages,
    }
