"""Secrets of this installation: from the environment, or made once on a development machine."""

import contextlib
import secrets
from pathlib import Path

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

HOW_TO_MAKE = {
    "SECRET_KEY": 'python -c "import secrets; print(secrets.token_urlsafe(50))"',
    "FIELD_ENCRYPTION_KEYS": (
        'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
    ),
}


def require(env: environ.Env, names: list[str]) -> None:
    """Refuse to start when any of these environment variables is unset or empty.

    Raises ImproperlyConfigured naming every missing one at once, with the command that makes it.
    """
    missing = [name for name in names if not env.str(name, default="")]
    if not missing:
        return
    lines = [
        f"  {name}" + (f"   (make one: {HOW_TO_MAKE[name]})" if name in HOW_TO_MAKE else "")
        for name in missing
    ]
    raise ImproperlyConfigured(
        "Production needs these environment variables, which are not set:\n"
        + "\n".join(lines)
        + "\nSet them (see .env.example), or set LEAFBRIDGE_ENV=development to try Leafbridge out."
    )


def development_secret(folder: Path, name: str) -> str:
    """Return the secret kept in `folder/name`; made on first use, for the owner only."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        value = (
            Fernet.generate_key().decode() if "encryption" in name else secrets.token_urlsafe(50)
        )
        # Two processes may start at once: write aside, and let the first link win.
        aside = folder / f".{name}.{secrets.token_hex(4)}"
        aside.touch(mode=0o600)
        aside.write_text(value)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
        aside.unlink()
    return path.read_text().strip()
