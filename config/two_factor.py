"""Two-factor sign-in: a password, and a code from a phone. Each may have it; some must.

A login by password alone is marked in its session until the second step is done, and
`SecondStepMiddleware` leads it nowhere but there.
"""

import secrets
from base64 import b32encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from config.models import Authenticator, BackupCode
from config.roles import ADMINISTRATOR

CODES = 10
# Without those that are taken for others.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

# What a session is marked with. Without a mark it is older than this, and is looked at anew.
STEP = "second_step"
ASK, SET_UP, DONE = "ask", "set_up", "done"
# What can be reached before the second step: the step itself, and the way out.
OPEN_TO_ALL = {"two_factor_code", "admin:logout", "admin:jsi18n", "healthz", "readyz"}


class TooSoon(Exception):
    """Too many wrong codes: the next is looked at only later. Says when."""


def has_two_factor(user: User) -> bool:
    """Whether the user signs in with a code."""
    return bool(Authenticator.objects.filter(user=user, confirmed=True).exists())


def must_have_two_factor(user: User) -> bool:
    """Whether the settings ask for a code of this user: REQUIRE_TWO_FACTOR, for administrators."""
    if not settings.REQUIRE_TWO_FACTOR:
        return False
    return user.is_superuser or user.groups.filter(name=ADMINISTRATOR).exists()


def step_of(user: User) -> str:
    """What is left to do for a user who has given the right password."""
    if has_two_factor(user):
        return ASK
    return SET_UP if must_have_two_factor(user) else DONE


@receiver(user_logged_in)
def mark(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Mark the session of a new login with what is left to do."""
    request.session[STEP] = step_of(user)


class SecondStepMiddleware:
    """Leads a login whose second step is not done to that step, whatever it asks for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        if request.user.is_anonymous:
            return None
        step = request.session.get(STEP) or step_of(request.user)
        if step == ASK and not has_two_factor(request.user):
            step = step_of(request.user)  # an administrator has switched it off meanwhile
        if step != request.session.get(STEP):
            request.session[STEP] = step
        page = request.resolver_match.view_name if request.resolver_match else ""
        if step == DONE or page in OPEN_TO_ALL or (step == SET_UP and page == "two_factor"):
            return None
        wanted = "two_factor_code" if step == ASK else "two_factor"
        here = request.get_full_path() if request.method == "GET" else ""
        query = f"?{urlencode({'next': here})}" if here and wanted == "two_factor_code" else ""
        return HttpResponseRedirect(reverse(wanted) + query)


def begin(user: User) -> Authenticator:
    """Make a secret to be scanned. It counts for nothing until `confirm`."""
    Authenticator.objects.filter(user=user, confirmed=False).delete()
    phone: Authenticator = Authenticator.objects.create(user=user, name="Phone", confirmed=False)
    return phone


def confirm(user: User, code: str) -> list[str] | None:
    """Switch it on when the phone shows this code: the backup codes, or None for a wrong code.

    Raises TooSoon.
    """
    with transaction.atomic():
        phone = _locked(user, confirmed=False)
        if phone and _try(phone, code):
            phone.confirmed = True
            phone.save(update_fields=["confirmed"])
            return new_backup_codes(user)
    _tell_wait(phone)
    return None


def verify(user: User, code: str) -> bool:
    """Whether this is the code of the user's phone, or a backup code, which is used up by this.

    Raises TooSoon.
    """
    with transaction.atomic():
        phone = _locked(user, confirmed=True)
        if phone is None:
            return False
        plain = "".join(code.lower().split()).replace("-", "")
        if phone.verify_is_allowed()[0] and len(plain) == 8:
            used, _ = BackupCode.objects.filter(user=user, digest=_digest(user, plain)).delete()
            if used:
                phone.throttle_reset()
                return True
        if _try(phone, plain):
            return True
    _tell_wait(phone)
    return False


def new_backup_codes(user: User) -> list[str]:
    """Make new ones in place of all there were; they can be shown this once."""
    codes = ["".join(secrets.choice(LETTERS) for _ in range(8)) for _ in range(CODES)]
    with transaction.atomic():
        BackupCode.objects.filter(user=user).delete()
        BackupCode.objects.bulk_create(
            [BackupCode(user=user, digest=_digest(user, code)) for code in codes]
        )
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def switch_off(user: User) -> bool:
    """Let the user sign in by password alone again; returns whether that was otherwise."""
    BackupCode.objects.filter(user=user).delete()
    gone, _ = Authenticator.objects.filter(user=user).delete()
    return bool(gone)


def typed_secret(phone: Authenticator) -> str:
    """The secret for those who can't scan: base 32, in groups of four."""
    text = b32encode(phone.key).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def picture(phone: Authenticator, username: str) -> str:
    """The QR code of the secret, as the data address of an SVG."""
    label = quote(f"Leafbridge:{username}")
    query = urlencode({"secret": b32encode(phone.key).decode(), "issuer": "Leafbridge"})
    code = segno.make(f"otpauth://totp/{label}?{query}", error="m", micro=False)
    return str(code.svg_data_uri(scale=5, border=3, light="#fff"))


def _locked(user: User, *, confirmed: bool) -> Authenticator | None:
    rows = Authenticator.objects.select_for_update()
    found: Authenticator | None = rows.filter(user=user, confirmed=confirmed).first()
    return found


def _try(phone: Authenticator, code: str) -> bool:
    return phone.verify_token("".join(code.split()))


def _tell_wait(phone: Authenticator | None) -> None:
    """Raise TooSoon where the next code has to wait for longer than it takes to type one."""
    if phone is None:
        return
    allowed, why = phone.verify_is_allowed()
    wait = None if allowed or not why else why["locked_until"]
    if wait is not None and phone.throttling_failure_count > 3:
        raise TooSoon(
            f"Too many wrong codes. The next one is looked at after {_clock(wait)}. Without the "
            "phone and the backup codes, ask an administrator to switch off your two-factor "
            "sign-in."
        )


def _clock(at: Any) -> str:
    return f"{timezone.localtime(at):%b %-d, %H:%M:%S}"


def _digest(user: User, code: str) -> str:
    key = "leafbridge.backup_codes"
    return salted_hmac(key, f"{user.pk}:{code}", algorithm="sha256").hexdigest()
