"""Settings that say for how many days something is kept."""

import environ
from django.core.exceptions import ImproperlyConfigured


def keep_days(env: environ.Env, name: str, default: int) -> int:
    """The number of days in this environment variable. Raises ImproperlyConfigured, with what to
    write instead, unless it is a whole number of at least 1."""
    text = env.str(name, default="") or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 36_500):
        raise ImproperlyConfigured(
            f"{name} is {text!r}. Write a whole number of days, 1 or more, like {name}={default}."
        )
    return int(text)
