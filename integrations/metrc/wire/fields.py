"""The field types of Metrc's rows: its ways of saying that there is nothing.

Metrc: times and dates have 0001-01-01 for none, ids have 0, texts are "" or null.
"""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from integrations.wire import fields
from integrations.wire.fields import OptionalNumber, Text, or_default, sensible_time


def _day(value: Any) -> Any:
    return value.partition("T")[0] if isinstance(value, str) else value


def _sensible_date(value: date | None) -> date | None:
    return value if value and 1970 <= value.year <= 2200 else None


def _nothing() -> None:
    return None


def _zero_is_none(value: Any) -> Any:
    return None if value in ("", 0, "0") else value


Id = Annotated[int, Field(gt=0, lt=2**63)]
# For what decides nothing: a value that can't be read counts as none.
OptionalId = Annotated[Id | None, BeforeValidator(_zero_is_none), or_default(_nothing)]
Count = Annotated[int, Field(ge=0, lt=2**31), or_default(int)]
Label = Annotated[Text, Field(min_length=1, max_length=100)]
# With an offset: when Metrc noted something.
OptionalTime = Annotated[fields.OptionalTime, or_default(_nothing)]
# Without one: the facility's local time, left naive; one that has an offset keeps it.
LocalTime = Annotated[datetime | None, AfterValidator(sensible_time), or_default(_nothing)]
Measure = Annotated[OptionalNumber, or_default(_nothing)]
OptionalDate = Annotated[
    date | None, BeforeValidator(_day), AfterValidator(_sensible_date), or_default(_nothing)
]
