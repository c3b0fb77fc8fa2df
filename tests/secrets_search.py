"""Where keys could be: every row of the database, and every line of the log."""

import logging
from contextlib import contextmanager

from django.db import connection

from config.logging import logging_config


class Lines(logging.Handler):
    """Log lines as production writes them."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []
        options = logging_config(json=True, level="DEBUG")["formatters"]["structured"]
        self.setFormatter(options.pop("()")(**options))

    def emit(self, record):
        self.lines.append(self.format(record))


@contextmanager
def log_lines():
    """What is logged meanwhile, as talkative as LOG_LEVEL can make it."""
    handler, root = Lines(), logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(before)


def database_as_text():
    """Every row of every table."""
    text = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute("SELECT * FROM " + connection.ops.quote_name(table))  # noqa: S608
            text += [f"{table}: {row!r}" for row in cursor.fetchall()]
    return "\n".join(text)
