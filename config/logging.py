"""Log lines: readable on a terminal, JSON in production, never with local variables or keys."""

from collections.abc import Collection
from typing import Any

import structlog

from config.redaction import Redaction


def logging_config(*, json: bool, level: str, secrets: Collection[str] = ()) -> dict[str, Any]:
    """Return Django's LOGGING dictionary; `json` chooses one JSON object per line.

    `secrets` are cut out of every line, as is whatever looks like a key.
    """
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if json:
        # structlog prints the local variables of every frame unless told not to.
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        render: list[Any] = [
            structlog.processors.ExceptionRenderer(tracebacks),
            structlog.processors.JSONRenderer(),
        ]
    else:
        render = [
            structlog.dev.ConsoleRenderer(
                exception_formatter=structlog.dev.plain_traceback, colors=False
            )
        ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *render,
                    Redaction(secrets),
                ],
                "foreign_pre_chain": shared,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": "WARNING"},
            "django.server": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
            # Its request lines hold whole URLs; ours are recorded as runs.
            "urllib3": {"level": "WARNING"},
            # A line for each hint that is queued.
            "django-q": {"level": "WARNING"},
        },
    }
