"""Checks of the settings: what this installation was told about itself."""

import smtplib
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

from config.doctor.findings import Finding
from config.secrets import HOW_TO_MAKE
from integrations.encryption import cipher

LOCAL = ("localhost", "127.0.0.1", "::1")
# Mail that these take in reaches nobody.
NO_MAIL = ("console", "dummy", "locmem", "filebased")
MAIL_SECONDS = 3


def _site_host() -> str:
    return urlsplit(settings.SITE_URL).hostname or ""


def environment() -> list[Finding]:
    """Whether development's settings serve a public address."""
    if settings.PRODUCTION or _site_host() in LOCAL:
        return []
    return [
        Finding(
            f"{settings.SITE_URL} is served with the settings for development.",
            "Set LEAFBRIDGE_ENV=production, and what it asks for.",
        )
    ]


def django_checks() -> list[Finding]:
    """Django's system checks; in production those for deployment too."""
    messages = checks.run_checks(include_deployment_checks=settings.PRODUCTION)
    return [
        Finding(message.msg, message.hint or f"Look up {message.id} in Django's documentation.")
        for message in messages
        if message.level >= checks.WARNING and not message.is_silenced()
    ]


def site_address() -> list[Finding]:
    """Whether SITE_URL is an address that LeafLink and mail readers can follow."""
    if not settings.PRODUCTION:
        return []
    parts = urlsplit(settings.SITE_URL)
    example = "Set SITE_URL to the address people open, like https://leafbridge.example.com"
    if parts.scheme != "https":
        return [Finding(f"SITE_URL ({settings.SITE_URL}) does not begin with https.", example)]
    if not parts.hostname or parts.hostname in LOCAL:
        return [Finding("SITE_URL names no host that others can reach.", example)]
    if parts.path.strip("/") or parts.query:
        return [Finding("SITE_URL has something after the host name.", example)]
    return []


def host_names() -> list[Finding]:
    """Whether ALLOWED_HOSTS lets SITE_URL in, and not everybody."""
    found = []
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Finding(
                "ALLOWED_HOSTS lets any host name in.",
                "Set ALLOWED_HOSTS to the host names that are served.",
            )
        )
    if not validate_host(_site_host(), settings.ALLOWED_HOSTS):
        found.append(
            Finding(
                f"SITE_URL's host name, {_site_host()}, is not among ALLOWED_HOSTS, so it is "
                "answered with an error.",
                f"Add {_site_host()} to ALLOWED_HOSTS.",
            )
        )
    return found


def mail() -> list[Finding]:
    """Whether mail reaches anybody."""
    if not settings.PRODUCTION:
        return []
    cure = "Set your mail server (see .env.example), and send a test mail."
    backend = settings.EMAIL_BACKEND.split(".")[-2]
    if backend in NO_MAIL:
        return [Finding("Mail is not sent to anybody, so notices are only seen here.", cure)]
    if backend != "smtp":
        return []
    server = smtplib.SMTP_SSL if settings.EMAIL_USE_SSL else smtplib.SMTP
    try:
        with server(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=MAIL_SECONDS):
            return []
    except (OSError, smtplib.SMTPException):
        where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        return [Finding(f"No mail server answers at {where}, so no notice is sent.", cure)]


def static_files() -> list[Finding]:
    """Whether styles and scripts were collected."""
    if not settings.PRODUCTION or (settings.STATIC_ROOT / "staticfiles.json").exists():
        return []
    return [
        Finding(
            "Static files were not collected, so every page fails.",
            "Run: manage.py collectstatic --noinput",
        )
    ]


def encryption_keys() -> list[Finding]:
    """Whether FIELD_ENCRYPTION_KEYS are keys."""
    try:
        cipher()
    except ImproperlyConfigured:
        return [
            Finding(
                "FIELD_ENCRYPTION_KEYS holds something that is no encryption key.",
                f"Look for cut or joined keys. A new one, to be put first, is made by: "
                f"{HOW_TO_MAKE['FIELD_ENCRYPTION_KEYS']}",
            )
        ]
    return []
