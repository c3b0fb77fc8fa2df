"""What is known about accounts' webhooks, gathered in the same few queries for any number of them.

What LeafLink tried while this site was down or answered with an error leaves no trace here. It
shows all the same: polling finds what changed in LeafLink and no webhook told of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import (
    Count,
    Exists,
    F,
    Func,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Concat, Replace, Substr

from integrations.leaflink.models import (
    Account,
    Cursor,
    Order,
    OrderEvent,
    Product,
    WebhookDelivery,
    WebhookRefusal,
)
from integrations.leaflink.pull_orders import RESOURCE

# LeafLink tries again for about seven minutes: what is younger may still be told of.
GRACE = timedelta(minutes=10)
# Clocks differ, and a webhook may overtake the change it tells of.
SKEW = timedelta(minutes=5)
# How far back is looked for what no webhook told of. (Deliveries are kept for 30 days.)
WINDOW = timedelta(days=14)
WEEKS = 4
# A silence shorter than this is never worth looking at by the usual rate.
SHORT_SILENCE = timedelta(hours=4)
KINDS = ("order", "product")
# The hour something was received in, as text ("2026-11-25 09", in UTC): databases cut a text at
# once, and SQLite would have Python cut each time.
HOUR_RECEIVED = Substr(Cast("received_at", TextField()), 1, 13)


@dataclass
class Missed:
    """What changed in LeafLink after the last webhook about its kind, and none told of."""

    count: int = 0
    first: datetime | None = None


@dataclass
class Facts:
    """What is known of one account's webhooks. Times are aware; None: never, or not known."""

    account: Account
    last_by_kind: dict[str, datetime | None] = field(default_factory=dict)
    # Any signed webhook, understood or not.
    first_at: datetime | None = None
    last_valid_at: datetime | None = None
    # Signed, and not understood: after the last that was.
    not_understood: int = 0
    # By reason how often LeafLink (or who else has the address) was refused since the last valid.
    refused: dict[str, int] = field(default_factory=dict)
    refused_last_for: str = ""
    refused_since: datetime | None = None
    missed_orders: Missed = field(default_factory=Missed)
    missed_products: Missed = field(default_factory=Missed)
    orders_read_at: datetime | None = None
    # The hours of the last weeks in which webhooks came; only known of those silent for a while.
    hours: list[datetime] = field(default_factory=list)


def gather(accounts: Iterable[Account], now: datetime) -> dict[int, Facts]:
    """The facts of these accounts by id, in six queries at the most."""
    facts = {account.pk: Facts(account) for account in accounts}
    if not facts:
        return facts
    _deliveries(facts)
    _refusals(facts)
    _missed(facts, now)
    read = Cursor.objects.filter(account__in=list(facts), resource=RESOURCE)
    for account_id, read_at in read.values_list("account", "read_at"):
        facts[account_id].orders_read_at = read_at
    _hours(facts, now)
    return facts


def _latest(**which: object) -> Subquery:
    rows = WebhookDelivery.objects.filter(account=OuterRef("pk"), **which).order_by("-received_at")
    return Subquery(rows.values("received_at")[:1])


def _deliveries(facts: dict[int, Facts]) -> None:
    oldest = WebhookDelivery.objects.filter(account=OuterRef("pk")).order_by("received_at")
    rows = Account.objects.filter(pk__in=list(facts)).annotate(
        first=Subquery(oldest.values("received_at")[:1]),
        last_order=_latest(kind="order"),
        last_product=_latest(kind="product"),
        # None of these can be told what it is about.
        unclear=Subquery(
            WebhookDelivery.objects.filter(account=OuterRef("pk"), kind="")
            .exclude(
                Exists(
                    WebhookDelivery.objects.filter(
                        account=OuterRef("account"),
                        kind__in=KINDS,
                        received_at__gt=OuterRef("received_at"),
                    )
                )
            )
            .order_by()
            .values("account")
            .annotate(Count("pk"))
            .values("pk__count")
        ),
    )
    names = ("pk", "last_webhook_at", "first", "last_order", "last_product", "unclear")
    for pk, last, first, order, product, unclear in rows.values_list(*names):
        facts[pk].last_valid_at, facts[pk].first_at = last, first
        facts[pk].last_by_kind = {"order": order, "product": product}
        facts[pk].not_understood = unclear or 0


def _refusals(facts: dict[int, Facts]) -> None:
    rows = (
        WebhookRefusal.objects.filter(account__in=list(facts))
        .filter(Q(account__last_webhook_at=None) | Q(last_at__gt=F("account__last_webhook_at")))
        .order_by("last_at")
    )
    for row in rows:
        mine = facts[row.account_id]
        mine.refused[row.why] = mine.refused.get(row.why, 0) + row.streak
        mine.refused_last_for = row.why
        mine.refused_since = min(filter(None, (mine.refused_since, row.streak_from)))


def _missed(facts: dict[int, Facts], now: datetime) -> None:
    later_orders = Q(pk__in=[])
    later_products = Q(pk__in=[])
    for pk, mine in facts.items():
        start = mine.first_at or mine.last_valid_at or mine.account.created_at
        orders_from = mine.last_by_kind["order"] or start
        products_from = mine.last_by_kind["product"] or start
        later_orders |= Q(account=pk, modified__gt=orders_from)
        later_products |= Q(account=pk, modified__gt=products_from)
    for pk, missed in _counted(unannounced_orders(now).filter(later_orders)).items():
        facts[pk].missed_orders = missed
    for pk, missed in _counted(unannounced_products(now).filter(later_products)).items():
        facts[pk].missed_products = missed


def _counted(rows: QuerySet[Order] | QuerySet[Product]) -> dict[int, Missed]:
    counted = rows.order_by().values("account").annotate(count=Count("pk"), first=Min("modified"))
    return {row["account"]: Missed(row["count"], row["first"]) for row in counted}


def unannounced_orders(now: datetime) -> QuerySet[Order]:
    """Orders that changed in LeafLink and no webhook told of in time; not what we changed there."""
    ours = OrderEvent.objects.filter(
        order=OuterRef("pk"),
        kind=OrderEvent.Kind.SENT,
        at__gte=OuterRef("modified") - SKEW,
        at__lte=OuterRef("modified") + SKEW,
    )
    rows = Order.objects.filter(
        modified__gte=F("account__created_at"), read_at__isnull=False, gone_at__isnull=True
    )
    return _untold(rows, "order", _with_dashes("number"), now).exclude(Exists(ours))


def unannounced_products(now: datetime) -> QuerySet[Product]:
    """The same of products. Of linked ones whose details are sent, nobody can say who changed
    them last: they are left out."""
    sent = Q(
        listing__last_sent_at__gte=F("modified") - SKEW,
        listing__last_sent_at__lte=F("modified") + SKEW,
    )
    made = Q(
        listing__linked_at__gte=F("modified") - SKEW, listing__linked_at__lte=F("modified") + SKEW
    )
    details = Q(account__push_details=True) | Q(account__sync_prices=True)
    maybe_ours = sent | made | (Q(listing__isnull=False) & details)
    rows = Product.objects.filter(modified__gte=F("account__created_at"), gone_at__isnull=True)
    return _untold(rows.exclude(maybe_ours), "product", Cast("remote_id", TextField()), now)


def _with_dashes(name: str) -> Func:
    """A UUID column as deliveries spell it. (SQLite keeps it without the dashes.)"""
    plain = Replace(Cast(name, TextField()), Value("-"), Value(""))
    parts = [Substr(plain, start, length) for start, length in ((1, 8), (9, 4), (13, 4), (17, 4))]
    dashed = [text for part in parts for text in (part, Value("-"))]
    return Concat(*dashed, Substr(plain, 21, 12), output_field=TextField())


def _untold(rows: QuerySet[Any], kind: str, key: Func, now: datetime) -> QuerySet[Any]:
    told = WebhookDelivery.objects.filter(
        account=OuterRef("account"),
        kind=kind,
        key=OuterRef("told_as"),
        received_at__gte=OuterRef("modified") - SKEW,
    )
    recent = rows.filter(modified__gte=now - WINDOW, modified__lte=now - GRACE)
    # Before the first webhook came, there was none to tell. (The oldest are no longer kept.)
    earlier = WebhookDelivery.objects.filter(
        account=OuterRef("account"), received_at__lt=OuterRef("modified")
    )
    recent = recent.filter(Exists(earlier) | Q(account__last_webhook_at__lt=F("modified")))
    untold: QuerySet[Any] = recent.annotate(told_as=key).exclude(Exists(told))
    return untold


def _hours(facts: dict[int, Facts], now: datetime) -> None:
    silent = [
        pk
        for pk, mine in facts.items()
        if mine.last_valid_at and now - mine.last_valid_at >= SHORT_SILENCE
    ]
    if not silent:
        return
    rows = (
        WebhookDelivery.objects.filter(
            account__in=silent, received_at__gte=now - timedelta(weeks=WEEKS)
        )
        .order_by()
        .annotate(hour=HOUR_RECEIVED)
        .values_list("account", "hour")
        .distinct()
    )
    for pk, hour in rows:
        facts[pk].hours.append(hour_of(hour))


def hour_of(text: str) -> datetime:
    """The beginning of an hour given as HOUR_RECEIVED gives it."""
    return datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=UTC)
