"""Worker processes for benchmarks: the real queue, on the benchmark's own database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

# A worker that looks at the queue again and again, as the task queue's would when told.
LOOP = """
import time, django
django.setup()
from integrations import work
while True:
    work.drain(60, is_worker=True)
    time.sleep(0.1)
"""


@contextmanager
def workers(count: int, *, per_minute: int) -> Iterator[None]:
    """Run so many worker processes that share a budget of `per_minute` requests."""
    database = connection.settings_dict
    url = (
        f"sqlite:///{database['NAME']}"
        if connection.vendor == "sqlite"
        else "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    )
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "LEAFLINK_REQUESTS_PER_MINUTE": str(per_minute),
    }
    running = [
        subprocess.Popen([sys.executable, "-c", LOOP], env=environment) for _ in range(count)
    ]
    try:
        yield
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.wait(30)
