"""Step 5: which item is which LeafLink product."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from catalog.models import Item
from catalog.permissions import require
from integrations.leaflink import link, setup_steps
from integrations.leaflink.admin.last_links import remember
from integrations.leaflink.admin.setup.frame import on_from, show, to
from integrations.leaflink.admin.setup.selling import reading, reading_part
from integrations.leaflink.make_items import candidates
from integrations.leaflink.models import Account
from integrations.leaflink.suggest import unlinked_products


def products(request: HttpRequest, account: Account) -> HttpResponse:
    """What is linked and what is not, and the quick ways to link."""
    if request.method == "POST":
        if "exact" in request.POST:
            return _link_exact(request, account)
        return on_from(account, "products")
    if request.GET.get("part") == "reading":
        return reading_part(request, account, "products")
    rows = candidates(account)
    return show(
        request,
        account,
        "products",
        "products",
        linked=setup_steps.linked(account),
        unlinked=unlinked_products().filter(account=account).count(),
        exact=len(link.exact_sku_pairs(account)),
        items=Item.objects.filter(
            brand__leaflink__account=account, listing__isnull=True, is_active=True
        ).count(),
        can_be_made=sum(1 for row in rows if row.item),
        here=setup_steps.url_of(account, "products"),
        step_key="products",
        **reading(account),
    )


def _link_exact(request: HttpRequest, account: Account) -> HttpResponse:
    """Link every pair with exactly the same SKU. Twice is once: the pairs are looked up anew."""
    require(request, "leaflink.add_listing")
    made = link.link_many(account, link.exact_sku_pairs(account))
    if made:
        remember(request, made)
        one = len(made) == 1
        messages.success(request, f"{len(made)} product{' is' if one else 's are'} linked.")
    else:
        messages.info(request, "No exact match is left to be linked.")
    return to(account, "products")
