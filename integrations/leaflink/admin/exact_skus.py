"""Linking all products whose SKU is exactly an item's: look at every pair, then confirm."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from catalog.permissions import require
from integrations.leaflink import link as links
from integrations.leaflink import suggest
from integrations.leaflink.admin.last_links import remember
from integrations.leaflink.admin.workbench_filters import UnlinkedProducts
from integrations.leaflink.mapping.suggestions import words
from integrations.leaflink.models import Account, Listing

# As many as a person can look through, and as a form can carry.
AT_ONCE = 500


def exact_skus(request: HttpRequest) -> HttpResponse:
    """Show every pair with the same SKU; link those that were left ticked."""
    require(request, "leaflink.add_listing", "leaflink.view_product", "catalog.view_item")
    # What the workbench was narrowed to holds here as well.
    rows = suggest.unlinked_products()
    narrowed = UnlinkedProducts(request.GET, queryset=rows, request=request).qs
    wanted = set(narrowed.values_list("pk", flat=True))
    pairs = [
        (account, item, product)
        for account in Account.objects.filter(is_active=True).order_by("name")
        for item, product in links.exact_sku_pairs(account)
        if product.pk in wanted
    ]
    if request.method == "POST":
        return _link(request, pairs)
    shown = pairs[:AT_ONCE]
    context = {
        **admin.site.each_context(request),
        "title": "Link exact SKU matches",
        "pairs": [
            (account, item, product, words(item.name) == words(product.name))
            for account, item, product in shown
        ],
        "left": len(pairs) - len(shown),
        "back": f"{reverse('admin:leaflink_listing_workbench')}?{request.GET.urlencode()}",
    }
    return TemplateResponse(request, "admin/leaflink/exact_skus.html", context)


def _link(request: HttpRequest, pairs: list[Any]) -> HttpResponse:
    """Link the ticked ones that still are pairs: what was not shown is not linked."""
    ticked = set(request.POST.getlist("pair"))
    made: list[Listing] = []
    for account in {account for account, _, _ in pairs}:
        mine = [
            (item, product)
            for of, item, product in pairs
            if of == account and f"{item.pk}-{product.pk}" in ticked
        ]
        made += links.link_many(account, mine)
    if made:
        remember(request, made)
        messages.success(request, f"{len(made)} products are linked.")
    passed = len(ticked) - len(made)
    if passed:
        messages.warning(request, f"{passed} were changed or linked meanwhile, and passed over.")
    if not ticked:
        messages.info(request, "Nothing was ticked, so nothing was linked.")
    url = reverse("admin:leaflink_listing_workbench")
    return HttpResponseRedirect(f"{url}?{request.GET.urlencode()}")
