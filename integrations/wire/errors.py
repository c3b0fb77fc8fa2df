"""The closed set of ways a call to a vendor can end badly. Each says what to do next."""


class VendorError(Exception):
    """Any of them. The text is for people."""


class Wait(VendorError):
    """Not now (429, 5xx, no network). Nothing was changed; try again after `seconds`. `slow_down`:
    the vendor has told us to (429), which is nobody's failure."""

    def __init__(self, message: str, seconds: float, *, slow_down: bool = False) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.slow_down = slow_down


class Refused(VendorError):
    """400: the vendor doesn't accept what was sent. `messages` are its own words, `by_field` the
    same by the field or row they are about ("" for none); `vendor` is what people call it."""

    def __init__(
        self, messages: list[str], by_field: dict[str, str] | None = None, *, vendor: str
    ) -> None:
        super().__init__(f"{vendor} refused: " + ("; ".join(messages) or "it gave no reason"))
        self.messages = messages
        self.by_field = by_field or ({"": "; ".join(messages)} if messages else {})


class Gone(VendorError):
    """404: the record does not exist (any more)."""


class BadCredentials(VendorError):
    """401 or 403: the key is wrong, was revoked, or lacks a permission."""


class Forbidden(BadCredentials):
    """403: the key lacks a permission, or the record is not this company's."""


class BadPayload(VendorError):
    """An answer that can't be understood; the text names the path."""


class UnknownOutcome(VendorError):
    """A write whose answer was lost: it may or may not have happened. Read before writing again."""
