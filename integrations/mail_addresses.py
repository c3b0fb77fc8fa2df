"""E-mail addresses that people type into a text, one on each line."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email


def addresses(text: str) -> list[str]:
    """The e-mail addresses in a text, by lines or commas. Raises ValidationError for one that is
    none."""
    found = [part.strip() for part in text.replace(",", "\n").splitlines() if part.strip()]
    for address in found:
        try:
            validate_email(address)
        except ValidationError:
            raise ValidationError(f"“{address}” is not an e-mail address.") from None
    return found


def validate_addresses(text: str) -> None:
    """Raise ValidationError unless the text holds nothing but addresses."""
    addresses(text)
