"""Settings in LeafLink that keep us from doing our work, told from what LeafLink refuses.

LeafLink's API does not show a company's settings, so one is known only once it has hit an order.
"""

from integrations.leaflink.mapping.statuses import RemoteStatus
from integrations.leaflink.models import Account, Order

TERM_WORDS = "payment term"
TERM_CURE = (
    "In LeafLink open Settings, find “Require Order Payment Term” among the company's settings for "
    "orders, switch it off and save. "
    "Orders that were refused are moved on by themselves when they change next, or by “Try again” "
    "on the order."
)


def blocking_settings(account: Account) -> list[str]:
    """What is set in LeafLink so that it blocks this account, each in words with the exact clicks;
    nothing when all is well. One query."""
    refused = Order.objects.filter(
        account=account, refused__icontains=TERM_WORDS, status=RemoteStatus.SUBMITTED
    ).count()
    if not refused:
        return []
    orders = "An order" if refused == 1 else f"{refused} orders"
    return [
        f"{orders} can't be accepted in LeafLink, because it wants a payment term for each order "
        f"first (“Require Order Payment Term” is on). {TERM_CURE}"
    ]
