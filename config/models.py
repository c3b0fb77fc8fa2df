"""What logins need besides a password: a phone that makes codes, codes for when it is lost, and the
logins that failed too often.
"""

import time

from axes.models import AccessAttempt
from django.conf import settings
from django.db import models
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.oath import TOTP
from django_otp.util import random_hex

from integrations.encryption import EncryptedTextField


class Authenticator(TimestampMixin, ThrottlingMixin, Device):
    """The app on somebody's phone that shows a code of six digits every half minute (RFC 6238).

    It counts from `confirmed` on: once a code of it was typed. (django-otp's own model would keep
    the secret in plain text.)
    """

    secret = EncryptedTextField(default=random_hex)
    # How far the phone's clock was off, in steps of half a minute, and the last step used.
    drift = models.SmallIntegerField(default=0)
    last_step = models.BigIntegerField(default=-1)

    class Meta:
        # Of no admin page, so no permissions either.
        default_permissions = ()
        constraints = [models.UniqueConstraint("user", name="authenticator_once_per_user")]

    @property
    def key(self) -> bytes:
        """The secret as the phone takes it, before base 32."""
        return bytes.fromhex(self.secret)

    def verify_token(self, token: str) -> bool:
        """Whether this is the phone's code now, or the one before or after; each counts once.

        Wrong ones make the next wait, twice as long each time. The caller has locked the row.
        """
        if not self.verify_is_allowed()[0]:
            return False
        clock = TOTP(self.key, drift=self.drift)
        clock.time = time.time()
        is_right = token.isascii() and token.isdecimal() and len(token) == 6
        if not is_right or not clock.verify(int(token), tolerance=1, min_t=self.last_step + 1):
            self.throttle_increment()
            return False
        self.last_step, self.drift = clock.t(), clock.drift
        self.throttle_reset(commit=False)
        self.set_last_used_timestamp(commit=False)
        self.save()
        return True

    def get_throttle_factor(self) -> float:
        return 1.0


class BackupCode(models.Model):
    """A code that stands in for the phone, once. Only what it is recognized by is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="backup_codes"
    )
    digest = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint("user", "digest", name="backup_code_once")]

    def __str__(self) -> str:
        return f"Backup code of {self.user}"


class BlockedLogin(AccessAttempt):
    """The failures of a name from an address of late, as axes counts them."""

    class Meta:
        proxy = True
        default_permissions = ("view", "delete")
        verbose_name = "blocked login"

    def __str__(self) -> str:
        return f"{self.username} from {self.ip_address}"
