"""A vendor's errors as what the work queue should do next."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from integrations import work
from integrations.budget import BudgetExhausted
from integrations.leases import Busy
from integrations.wire.errors import BadCredentials, UnknownOutcome, VendorError, Wait


@contextmanager
def outcomes() -> Iterator[None]:
    """Raise work.Later or work.Stuck in place of what the block raises."""
    try:
        yield
    except Wait as error:
        wait = timedelta(seconds=error.seconds)
        raise work.Later(str(error), wait, counts=not error.slow_down) from error
    except UnknownOutcome as error:
        raise work.Later(str(error), timedelta(seconds=5), "unknown outcome") from error
    except BudgetExhausted as error:
        raise work.Later(str(error), error.wait, "budget") from error
    except Busy as error:
        raise work.Later(str(error), timedelta(seconds=2), "busy", counts=False) from error
    except BadCredentials as error:
        raise work.Stuck(str(error), "credentials") from error
    except VendorError as error:
        raise work.Stuck(str(error), type(error).__name__.lower()) from error
