"""Encrypted text columns with key rotation.

Keys are settings.FIELD_ENCRYPTION_KEYS: the first encrypts, all decrypt. A wrong key raises; it
never hands out ciphertext, which would then be sent as a password.
"""

from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute


@cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """The cipher of the keys in force."""
    try:
        return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS))
    except ValueError as error:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS holds something that is no Fernet key. Make one with: python -c "
            '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        ) from error


class WrongEncryptionKey(Exception):
    """A stored secret can't be read with any of the keys in FIELD_ENCRYPTION_KEYS."""


class _Ciphertext(str):
    """A value as it stands in the database."""


class _DecryptingAttribute(DeferredAttribute):
    """Decrypts when the value is looked at, so that a row with a lost key can still be listed."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        return decrypted(value) if isinstance(value, _Ciphertext) else value

    def __set__(self, instance: Any, value: Any) -> None:
        # With this the attribute is asked before the instance's own dictionary.
        instance.__dict__[self.field.attname] = value


def decrypted(value: str) -> str:
    """A value as it stands in the database, in the clear; raises WrongEncryptionKey."""
    try:
        return cipher().decrypt(value.encode()).decode()
    except InvalidToken as error:
        raise WrongEncryptionKey(
            "A stored key can't be decrypted. Put the encryption key it was stored with back into "
            "FIELD_ENCRYPTION_KEYS (anywhere but first, to rotate away from it)."
        ) from error


def has_newest_key(value: str) -> bool:
    """Whether a value as it stands in the database was encrypted with the first of our keys."""
    cipher()  # says so when the keys are no keys
    try:
        Fernet(settings.FIELD_ENCRYPTION_KEYS[0]).decrypt(value.encode())
    except InvalidToken:
        return False
    return True


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted in the database and plain on the instance; empty stays empty.

    Reading the attribute raises WrongEncryptionKey when no key of ours fits.
    """

    descriptor_class = _DecryptingAttribute

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return cipher().encrypt(text.encode()).decode() if text else text

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return _Ciphertext(value) if value else value
