"""Where a client calls, and with which keys."""

from urllib.parse import urlsplit

from integrations.wire.errors import BadCredentials


def secured(base_url: str) -> str:
    """The address with https, except of this machine and of tests.

    Metrc: plain http is redirected, and the redirect turns a POST into a GET.
    """
    address = base_url.strip().rstrip("/")
    if "://" not in address:
        address = f"https://{address}"
    scheme, _, rest = address.partition("://")
    host = urlsplit(address).hostname or ""
    is_local = host in ("127.0.0.1", "localhost", "::1") or host.endswith(".test")
    return address if is_local and scheme == "http" else f"https://{rest}"


def checked(key: str, name: str) -> str:
    """The key as it is sent; `name` is what people call it. Raises BadCredentials for what can't be
    one."""
    key = key.strip()
    if not key:
        raise BadCredentials(f"There is no {name}. Paste one under the account's keys.")
    # The first colon ends the name in HTTP Basic.
    if not key.isascii() or not key.isprintable() or ":" in key:
        raise BadCredentials(f"The {name} holds characters that no key has: paste it anew.")
    return key
