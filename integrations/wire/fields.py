"""Field types that accept what vendors really send, and reading a payload made of them.

Numbers as text, booleans as "False", nulls and empty texts where none are declared: each type takes
what can be meant by them. What it can't read is named by its path.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
)

from integrations.wire.errors import BadPayload

Model = TypeVar("Model", bound=BaseModel)


def _decimal(value: Any) -> Any:
    if value is None or value == "":
        return Decimal(0)
    try:
        number = Decimal(str(value).replace(",", ""))
    except InvalidOperation:
        raise ValueError(f"not a number: {str(value)[:40]!r}") from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 10:
        raise ValueError(f"not a sensible number: {str(value)[:40]!r}")
    return number


def _optional_decimal(value: Any) -> Any:
    return None if value is None or value == "" else _decimal(value)


def _text(value: Any) -> Any:
    # PostgreSQL's text holds no NUL, and none means anything to a person.
    return "" if value is None else str(value).replace("\x00", "")


def _flag(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes")
    return bool(value)


def _optional(value: Any) -> Any:
    return None if value == "" else value


def sensible_time(value: datetime | None) -> datetime | None:
    """None for a time that makes no sense: it is none, and some databases can't store it."""
    return None if value is None or not 1970 <= value.year <= 2200 else value


def _with_offset(value: datetime | None) -> datetime | None:
    value = sensible_time(value)
    # Times without an offset are UTC.
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def or_default(default: Callable[[], Any]) -> WrapValidator:
    """For what decides nothing: a value that can't be read counts as none."""

    def validate(value: Any, handler: Callable[[Any], Any]) -> Any:
        if value is None or value == "":
            return default()
        try:
            return handler(value)
        except ValueError:
            return default()

    return WrapValidator(validate)


Number = Annotated[Decimal, BeforeValidator(_decimal)]
OptionalNumber = Annotated[Decimal | None, BeforeValidator(_optional_decimal)]
Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
OptionalTime = Annotated[datetime | None, BeforeValidator(_optional), AfterValidator(_with_offset)]
OptionalDate = Annotated[date | None, BeforeValidator(_optional)]
# What our columns can hold; anything else is named by its path.
Id = Annotated[int, Field(ge=0, lt=2**63)]


class Payload(BaseModel):
    """A vendor's record: what isn't declared is ignored."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


def storable(body: Any) -> Any:
    """A body without what databases refuse: NUL characters, halves of characters, NaN."""
    if isinstance(body, str):
        text = body.replace("\x00", "")
        return text if text.isascii() else text.encode("utf-8", "replace").decode()
    if isinstance(body, float) and not isfinite(body):
        return None
    if isinstance(body, list):
        return [storable(value) for value in body]
    if isinstance(body, dict):
        return {storable(key): storable(value) for key, value in body.items()}
    return body


def parse(model: type[Model], body: Any, vendor: str) -> Model:
    """Read a payload; `vendor` is what people call who sent it. Raises BadPayload that names every
    path it can't make sense of."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        problems = []
        for item in error.errors(include_url=False, include_input=False)[:5]:
            path = ".".join(str(part) for part in item["loc"]) or "(whole)"
            problems.append(f"{path}: {item['msg']}")
        raise BadPayload(
            f"{vendor}'s {model.__name__.lower()} can't be read ({'; '.join(problems)})."
        ) from None
    except RecursionError:
        raise BadPayload(f"{vendor}'s {model.__name__.lower()} is nested too deeply.") from None
