"""What the database refuses to store: told once as a notice, while the rest of its page is kept."""

from django.db import DatabaseError

from integrations.leaflink.models import Account
from integrations.models import Notice
from integrations.notices import notify
from integrations.runs import Recorder

# What a database says to values that no check of ours has foreseen.
UNSTORABLE = (DatabaseError, ValueError, ArithmeticError)


def note_unstorable(
    account: Account, kind: str, key: object, error: Exception, run: Recorder
) -> None:
    """Say on the run, and as a notice, that the record ("order", 12) can't be stored."""
    name = f"{kind} {key}"
    text = f"{name.capitalize()} can't be stored: {error}"[:1000]
    run.problem(name, text, kind, key)
    notify(account, Notice.Category.UNREADABLE, name, text)
