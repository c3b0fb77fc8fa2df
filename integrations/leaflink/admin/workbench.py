"""The linking workbench: unlinked products with their likeliest items, and the other way round.

Every page costs a constant number of queries. Pages work without scripts; with htmx a link swaps
its row only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import django_filters
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from catalog.models import Item
from catalog.natural import natural
from catalog.permissions import require
from catalog.return_to import where_from
from integrations.leaflink import create_product, suggest
from integrations.leaflink import link as links
from integrations.leaflink.admin.last_links import act_of, last_links
from integrations.leaflink.admin.listing_pages import NEEDS_A_LOOK
from integrations.leaflink.admin.listing_panel import trouble_in_words
from integrations.leaflink.admin.workbench_filters import Links, UnlinkedItems, UnlinkedProducts
from integrations.leaflink.mapping.product_fields import LABELS
from integrations.leaflink.models import Listing, Product
from integrations.leaflink.wanted import Lists, in_words

ROWS = 25
DIFFERS = Listing.Standing.DIFFERS
MOST_FOUND = 8


@dataclass(frozen=True)
class Tab:
    """`prepare` gives each row of a page what its template shows, set-wise."""

    key: str
    title: str
    empty: str
    filter: type[django_filters.FilterSet]
    rows: Callable[[], Any]
    prepare: Callable[[list[Any]], None] = lambda rows: None
    # Whether its rows are linked here.
    links: bool = False


def _unlinked_products() -> Any:
    rows = suggest.unlinked_products().select_related("account").defer("raw", "shown")
    return rows.order_by("name", "pk")


def _unlinked_items() -> Any:
    rows = suggest.unlinked_items().select_related("brand__leaflink__account", "strain", "offer")
    return rows.defer("description").order_by("name", "pk")


def _linked() -> Any:
    rows = Listing.objects.select_related("item__brand", "item__offer", "product__account")
    heavy = ("product__raw", "product__shown", "item__description", "agreed")
    return rows.defer(*heavy).order_by("item__name", "pk")


def _needing_a_look() -> Any:
    return _linked().filter(NEEDS_A_LOOK).select_related("replacement")


def _suggest_items(products: list[Product]) -> None:
    found = suggest.for_products(products)
    pks = {one.thing.pk for suggestions in found.values() for one in suggestions}
    items = Item.objects.select_related("brand__leaflink__account").defer("description")
    known = items.in_bulk(pks)
    for product in products:
        pairs = [(one, known[one.thing.pk]) for one in found[product.pk] if one.thing.pk in known]
        product.suggestions = [  # type: ignore[attr-defined]
            (one, item, product, item, links.why_not(item, product)) for one, item in pairs
        ]
        _findable(product, "product")
    _name_predecessors(products)


def _name_predecessors(products: list[Product]) -> None:
    """Say of a product whose place it has taken, when that one's item is still linked to it."""
    rows = Listing.objects.filter(replacement__in=[product.pk for product in products])
    before = {one.replacement_id: one for one in rows.select_related("item")}
    for product in products:
        product.predecessor = before.get(product.pk)  # type: ignore[attr-defined]


def _suggest_products(items: list[Item]) -> None:
    asked: dict[int, Any] = {}
    for account in {item.brand.leaflink.account for item in items}:
        asked |= create_product.under_way(account)
    for item in items:
        item.asked = asked.get(item.pk)  # type: ignore[attr-defined]
    found = suggest.for_items(items)
    pks = {one.thing.pk for suggestions in found.values() for one in suggestions}
    known = Product.objects.select_related("account").defer("raw", "shown").in_bulk(pks)
    for item in items:
        pairs = [(one, known[one.thing.pk]) for one in found[item.pk] if one.thing.pk in known]
        item.suggestions = [  # type: ignore[attr-defined]
            (one, item, product, product, links.why_not(item, product)) for one, product in pairs
        ]
        _findable(item, "item")


def _findable(row: Any, kind: str) -> None:
    """What the search for another partner of a row is asked with."""
    row.row_key = f"{kind}-{row.pk}"
    row.asked_for = f"{kind}={row.pk}"


def _describe(listings: list[Listing]) -> None:
    """Say of each link what waits for a person, in words."""
    lists = {one.product.account_id: one.product.account for one in listings}
    known = {pk: Lists.of(account) for pk, account in lists.items()}
    for one in listings:
        mine = known[one.product.account_id]
        one.trouble_in_words = trouble_in_words(one)  # type: ignore[attr-defined]
        one.differences_in_words = [  # type: ignore[attr-defined]
            f"{LABELS[row['field']]}: {in_words(row['field'], row['ours'], mine)} here, "
            f"{in_words(row['field'], row['theirs'], mine)} in LeafLink"
            for row in one.differences
            if row["decision"] in ("moved_there", "conflict")
        ]


TABS = {
    tab.key: tab
    for tab in (
        Tab(
            "unlinked",
            "Unlinked products",
            "Every LeafLink product here is linked.",
            UnlinkedProducts,
            _unlinked_products,
            _suggest_items,
            links=True,
        ),
        Tab("linked", "Linked", "Nothing is linked yet.", Links, _linked),
        Tab(
            "items",
            "Unlinked items",
            "Every item of the brands sold here is linked.",
            UnlinkedItems,
            _unlinked_items,
            _suggest_products,
            links=True,
        ),
        Tab(
            "look",
            "Needs a look",
            "All links are sound, and both sides agree.",
            Links,
            _needing_a_look,
            _describe,
        ),
    )
}


def to_workbench(**query: str) -> HttpResponse:
    """Lead to the workbench."""
    url = reverse("admin:leaflink_listing_workbench")
    return HttpResponseRedirect(f"{url}?{urlencode(query)}" if query else url)


@require_GET
def workbench(request: HttpRequest) -> HttpResponse:
    """A tab of the workbench; with htmx its body only."""
    require(request, "leaflink.view_listing", "leaflink.view_product", "catalog.view_item")
    is_part = request.headers.get("HX-Request") == "true"
    template = "workbench_body.html" if is_part else "workbench.html"
    return TemplateResponse(request, f"admin/leaflink/{template}", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    tab = TABS.get(request.GET.get("tab", ""), TABS["unlinked"])
    narrowed = tab.filter(request.GET, queryset=tab.rows(), request=request)
    page = Paginator(narrowed.qs, ROWS).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    tab.prepare(rows)
    kept = {k: v for k, v in request.GET.items() if k in ("account", "brand", "q", "next") and v}
    return {
        **admin.site.each_context(request),
        "title": "Link products",
        "tab": tab,
        "tabs": [
            (one, urlencode({**kept, "tab": one.key}), count_of(one, request))
            for one in TABS.values()
        ],
        "filter": narrowed,
        "is_narrowed": any(request.GET.get(k) for k in ("account", "brand", "q")),
        "page": page,
        "rows": rows,
        "query": urlencode({**kept, "tab": tab.key}),
        "exact": exact_count(request) if tab.key == "unlinked" else 0,
        "differing": Listing.objects.filter(standing=DIFFERS).count() if tab.key == "look" else 0,
        "last": (last := last_links(request)),
        "act": act_of(last),
        "back": where_from(request),
        "here": request.get_full_path(),
        **permissions(request),
    }


def permissions(request: HttpRequest) -> dict[str, bool]:
    """What this person may do here."""
    return {
        "may_link": request.user.has_perm("leaflink.add_listing"),
        "may_unlink": request.user.has_perm("leaflink.delete_listing"),
        "may_decide": request.user.has_perm("leaflink.change_listing"),
        "may_import": request.user.has_perms(
            ["leaflink.import_listing", "leaflink.add_listing", "leaflink.view_listing"]
        ),
    }


def count_of(tab: Tab, request: Any) -> int:
    """How many rows a tab has for the chosen account, brand and words."""
    return int(tab.filter(request.GET, queryset=tab.rows(), request=request).qs.count())


def exact_count(request: Any) -> int:
    """About how many exact matches there are: the preview says which, and why others are not."""
    rows = UnlinkedProducts(request.GET, queryset=_unlinked_products(), request=request).qs
    items = suggest.unlinked_items().order_by().values("sku")
    return int(rows.exclude(sku="").filter(sku__in=items).count())


@require_GET
def find(request: HttpRequest) -> HttpResponse:
    """Items for a product, or products for an item, by words that a person typed."""
    require(request, "leaflink.add_listing", "leaflink.view_product", "catalog.view_item")
    text = request.GET.get("words", "").strip()
    context: dict[str, Any] = {"words": text, "found": []}
    if product_pk := request.GET.get("product", ""):
        product = get_object_or_404(
            Product.objects.select_related("account").defer("raw"),
            pk=natural(product_pk),
        )
        rows = Item.objects.filter(is_active=True, listing__isnull=True)
        items = _with_words(rows.select_related("brand__leaflink__account"), text)
        context["found"] = [(one, product, links.why_not(one, product), one) for one in items]
    else:
        item_pk = request.GET.get("item", "")
        item = get_object_or_404(
            Item.objects.select_related("brand__leaflink__account"),
            pk=natural(item_pk),
        )
        seller = getattr(item.brand, "leaflink", None)
        rows = suggest.unlinked_products().filter(account=seller.account_id if seller else None)
        products = _with_words(rows.select_related("account").defer("raw"), text)
        context["found"] = [(item, one, links.why_not(item, one), one) for one in products]
    # Those that can be linked first.
    context["found"].sort(key=lambda row: bool(row[2]))
    context["here"] = request.headers.get("HX-Current-URL", "")
    return TemplateResponse(request, "admin/leaflink/workbench_found.html", context)


def _with_words(rows: Any, text: str) -> list[Any]:
    if not text:
        return []
    for word in text.split():
        rows = rows.filter(Q(name__icontains=word) | Q(sku__icontains=word))
    return list(rows.order_by("name", "pk")[:MOST_FOUND])
