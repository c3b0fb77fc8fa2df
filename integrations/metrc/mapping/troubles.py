"""What is wrong with a template, before or after it is sent, and where it is mended."""

from dataclasses import dataclass

# Places where something is mended that is no field of the form.
ACCOUNT = "@account"
DESTINATION = "@destination"
ITEMS = "@items"
ORDER = "@order"
PACKAGES = "@packages"
READ_PACKAGES = "@read_packages"
WEIGHTS = "@weights"


@dataclass(frozen=True)
class Trouble:
    """`code` tells the kinds apart; `text` says what is wrong and what cures it. `where` is a field
    of the form ("departs_at") or one of the places above; `about` the tag of the package (or the
    name of the line) that it is about, "" for none."""

    code: str
    text: str
    where: str
    about: str = ""
    is_warning: bool = False
