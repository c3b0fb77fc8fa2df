"""Error reports to Sentry, or what speaks its protocol: where it went wrong, never with what.

Nothing is sent unless SENTRY_DSN is set. No local variables, no headers, cookies, bodies or query
strings of requests, no users, no trail of what went before: these hold keys and people's names.
"""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from config.redaction import Redaction


def start_error_reports(
    dsn: str, environment: str, secrets: Collection[str] = (), **options: Any
) -> None:
    """Report errors to `dsn` from now on; with an empty one do nothing.

    `secrets` are cut out of what is reported, as is whatever looks like a key.
    """
    if not dsn:
        return
    # Every process starts without it that has nobody to report to, which is sooner.
    import sentry_sdk

    redaction = Redaction(secrets)
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        include_local_variables=False,
        # `send_default_pii` is off by default, and setting it is deprecated.
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=lambda event, hint: stripped(event, redaction),  # type: ignore[arg-type, return-value]
        **options,
    )


def stripped(event: Any, redaction: Redaction) -> dict[str, Any]:
    """An event with nothing of its request but method and path, nobody's name, and no keys."""
    bare = {key: value for key, value in event.items() if key not in ("user", "breadcrumbs")}
    if request := bare.get("request"):
        address = urlsplit(str(request.get("url", "")))
        bare["request"] = {
            "method": request.get("method", ""),
            "url": urlunsplit((address.scheme, address.netloc, address.path, "", "")),
        }
    return dict(redaction.everywhere(bare))
