"""The permissions we need in Metrc: what each is for, and where a missing one is given."""

# By permission, what it is for; as they are called where they are ticked in Metrc.
NEEDS = {
    "View Packages": "packages are read",
    "View Transfer Templates": "what became of a template is looked up",
    "View Transfers": "outgoing transfers are found and orders completed",
    "Transfer types": "the state's transfer types are offered for templates",
    "Transporters": "drivers and vehicles are offered for templates",
}
# They can't be tried without changing something, or without a delivery.
UNTRIED = {
    "Manage Transfer Templates": (
        "templates are sent",
        "It can't be tried without making one: it shows when the first template is sent.",
    ),
    "View Wholesale": (
        "prices of delivered packages are read",
        "It can only be tried on a delivery: it shows when the first transfer is found.",
    ),
}
NOT_REACHED = (
    "The keys don't reach this license: everything that was asked of it is refused. In Metrc an "
    "administrator of the facility gives the user its permissions under Admin > Employees; and the "
    "vendor key must be allowed for the state (Metrc's vendor permissions)."
)
# Metrc has no permission of that name: its types come with those for transfers.
GIVEN_WITH = {"Transfer types": "View Transfers or View Transfer Templates"}


def cure_for(permission: str, *, is_everywhere: bool) -> str:
    """What to do about one that is missing; `is_everywhere`: at every license alike."""
    name = GIVEN_WITH.get(permission, permission)
    what = f"“{name}” is missing: {NEEDS[permission]} only with it."
    user = "an administrator of this facility ticks it for the user under Admin > Employees"
    vendor = "the vendor key lacks it (Metrc's vendor permissions, which Metrc's support gives)"
    if is_everywhere:
        return (
            f"{what} It is refused at every license, so most likely {vendor}. Otherwise, in Metrc, "
            f"{user}."
        )
    return f"{what} In Metrc {user}. If it is ticked there, {vendor}."
