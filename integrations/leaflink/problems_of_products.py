"""What is wrong with products, links and stock, by what mends it."""

from collections.abc import Iterator

from django.db.models import Count, Exists, Min, OuterRef, Q
from django.urls import reverse

from catalog import inventory
from catalog.models import Item
from integrations.leaflink import drift
from integrations.leaflink.cures import page
from integrations.leaflink.models import Account, Blocker, Drift, Listing, Offer, Staff
from integrations.models import Notice
from integrations.problems import Act, Problem, Source

S, T = Listing.Standing, Listing.Trouble
UNSOUND = ~Q(trouble="") | Q(standing__in=(S.OUT_OF_STEP, S.CONFLICT, S.REFUSED))
WHAT_IS_WRONG = {
    T.GONE: "its product is gone from LeafLink",
    T.ARCHIVED: "its product is archived in LeafLink",
    T.UNITS: "the two sides count it in different units",
    T.ACCOUNT: "its brand belongs to another LeafLink account now",
    S.OUT_OF_STEP: "its details were changed in LeafLink",
    S.CONFLICT: "its details were changed on both sides",
    S.REFUSED: "LeafLink refused its details",
}
# Names and prices may differ for good; when one of them is to be looked at, its link says so.
TO_SETTLE = (
    Drift.Kind.QUANTITY,
    Drift.Kind.RESERVED,
    Drift.Kind.LISTING_STATE,
    Drift.Kind.STATUS,
    Drift.Kind.TERMS,
)


def links() -> Iterator[Problem]:
    """A problem for each link that needs a look; one whose product was made anew is relinked in
    place."""
    rows = (
        Listing.objects.filter(UNSOUND, product__account__is_active=True)
        .select_related("item", "product", "replacement")
        .defer("product__raw", "replacement__raw")
        .order_by("pk")
    )
    for listing in rows:
        item = listing.item
        what = WHAT_IS_WRONG[T(listing.trouble) if listing.trouble else S(listing.standing)]
        act = None
        if listing.replacement:
            what = f"{what}, and “{listing.replacement}” seems to have taken its place"
            act = Act(
                "Link to the new one",
                reverse("admin:leaflink_listing_relink", args=[listing.pk]),
                permissions=("leaflink.add_listing", "leaflink.delete_listing"),
            )
        cure = page("Look at the link", "leaflink_listing_workbench", tab="look", q=item.sku)
        yield Problem(
            key=f"listing {listing.pk}",
            text=f"{item.name} ({item.sku}): {what}.",
            cure=cure.label,
            url=cure.url,
            since=listing.product.gone_at or listing.product.modified,
            connection_id=listing.product.account_id,
            act=act,
        )


def creations() -> Iterator[Problem]:
    """A problem for each item that LeafLink did not take as a new product."""
    rows = Offer.objects.exclude(refusals={}).filter(enabled=True, item__listing__isnull=True)
    rows = rows.filter(item__is_active=True, item__brand__leaflink__account__is_active=True)
    accounts = "item__brand__leaflink__account"
    for offer in rows.select_related("item", accounts).order_by("pk"):
        said = " ".join(str(words) for words in offer.refusals.values())
        yield Problem(
            key=f"item {offer.item_id}",
            text=f"{offer.item.name} ({offer.item.sku}) was not created in LeafLink: {said}",
            cure="Correct the item",
            url=reverse("admin:catalog_item_change", args=[offer.item_id]),
            since=None,
            connection_id=offer.item.brand.leaflink.account_id,
        )


def none_linked() -> Iterator[Problem]:
    """Accounts that sell, and of whose products none is linked yet."""
    linked = Listing.objects.filter(product__account=OuterRef("pk"))
    unlinked = Count("products", filter=Q(products__gone_at__isnull=True))
    live = Account.objects.filter(is_active=True, in_setup=False)
    rows = live.filter(~Exists(linked)).annotate(count=unlinked)
    for account in rows.filter(count__gt=0):
        yield Problem(
            key="none linked",
            text=f"{account} has {account.count:,} products in LeafLink, and none is linked yet.",
            cure="Link products",
            url=reverse("admin:leaflink_listing_workbench"),
            since=None,
            connection_id=account.pk,
        )


def promised_beyond() -> Iterator[Problem]:
    """A problem for each item of which more is promised than there is."""
    for item in Item.objects.filter(pk__in=inventory.short_items()).order_by("name"):
        yield Problem(
            key=f"item {item.pk}",
            text=f"More of {item.name} ({item.sku}) is promised to orders than there is.",
            cure="Receive or count stock",
            url=page("", "catalog_stock_add", item=item.pk).url,
            since=None,
        )


def differences() -> Iterator[Problem]:
    """What the two sides show differently, counted by account and kind. What a person has paused,
    or decides about elsewhere on the page, is not said twice."""
    rows = (
        drift.open_ones()
        .filter(account__is_active=True, kind__in=TO_SETTLE)
        .exclude(listing__in=Listing.objects.filter(UNSOUND))
        .exclude(listing__item__offer__pause__in=(Offer.Pause.AS_IS, Offer.Pause.AT_ZERO))
        .exclude(listing__braked_at__isnull=False)
        .exclude(order__is_disputed=True)
        .order_by()
        .values("account", "account__name", "kind")
        .annotate(count=Count("pk"), since=Min("found_at"))
    )
    for row in rows:
        kind = Drift.Kind(row["kind"])
        url = reverse("admin:leaflink_drift_changelist")
        records = "record differs" if row["count"] == 1 else "records differ"
        yield Problem(
            key=f"differences {kind.value}",
            text=f"{row['account__name']}: {row['count']:,} {records} in: {kind.label.lower()}.",
            cure="Compare them",
            url=f"{url}?kind__exact={kind.value}&account__id__exact={row['account']}",
            since=row["since"],
            connection_id=row["account"],
            waiting=row["count"],
        )


def staff_to_map() -> Iterator[Problem]:
    """Accounts with staff who are not mapped and on no held order yet: the next one would be."""
    holding = Blocker.objects.filter(staff=OuterRef("pk"))
    rows = (
        Staff.objects.filter(~Exists(holding), sales_rep__isnull=True, is_active=True)
        .filter(account__is_active=True, account__in_setup=False)
        .order_by()
        .values("account", "account__name")
        .annotate(count=Count("pk"))
    )
    for row in rows:
        people = "1 person is" if row["count"] == 1 else f"{row['count']:,} people are"
        yield Problem(
            key="staff",
            text=f"{row['account__name']}: {people} not mapped. Their next order would be held.",
            cure="Map them",
            url=reverse("admin:leaflink_staff_match"),
            since=None,
            connection_id=row["account"],
        )


PRODUCT = "leaflink.view_listing"
Category = Notice.Category
SOURCES = (
    Source(
        "link", "Repair links to LeafLink products", Category.LINK, links, PRODUCT, of="product"
    ),
    Source("creation", "Correct items that LeafLink refused", Category.REFUSED, creations, PRODUCT),
    Source(
        "promised", "Receive what is promised", Category.STOCK, promised_beyond, "catalog.view_item"
    ),
    Source("none_linked", "Link your products", Category.LINK, none_linked, PRODUCT),
    Source(
        "difference",
        "Settle differences",
        Category.CONFLICT,
        differences,
        "leaflink.view_drift",
        of="record",
    ),
    Source(
        "staff",
        "Map staff before their next order",
        Category.LINK,
        staff_to_map,
        "leaflink.view_staff",
    ),
)
