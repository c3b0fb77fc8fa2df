"""What is done on the linking workbench: link, undo, create."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from catalog.models import Item
from catalog.natural import natural
from catalog.permissions import require
from catalog.return_to import where_from
from integrations.leaflink import create_product
from integrations.leaflink import link as links
from integrations.leaflink.admin.exact_skus import exact_skus
from integrations.leaflink.admin.last_links import act_of, last_links, remember, undo_last
from integrations.leaflink.admin.workbench import (
    TABS,
    count_of,
    exact_count,
    find,
    permissions,
    to_workbench,
    workbench,
)
from integrations.leaflink.models import Product


@require_POST
def link(request: HttpRequest) -> HttpResponse:
    """Link a product and an item; the row then says so, with a way back."""
    require(request, "leaflink.add_listing")
    item = get_object_or_404(
        Item.objects.select_related("brand__leaflink__account"), pk=_number(request, "item")
    )
    product = get_object_or_404(
        Product.objects.select_related("account").defer("raw"), pk=_number(request, "product")
    )
    error, warning = "", ""
    try:
        listing = links.link(item, product)
        remember(request, [listing])
        warning = links.warning_of(product)
    except links.LinkError as refused:
        error = str(refused)
    if request.headers.get("HX-Request") != "true":
        if error:
            messages.error(request, error)
        else:
            messages.success(request, f"{item.sku} is linked to {product}. {warning}".strip())
        return HttpResponseRedirect(where_from(request) or to_workbench().headers["Location"])
    asked = _Asked(request)
    is_on_products = asked.GET.get("tab", "unlinked") == "unlinked"
    context = {
        "item": item,
        "product": product,
        "error": error,
        "warning": warning,
        "tabs": [(tab.key, count_of(tab, asked)) for tab in TABS.values()],
        "exact": exact_count(asked) if is_on_products else 0,
        "query": asked.GET.urlencode(),
        "here": asked.path,
        "last": (last := last_links(request)),
        "act": act_of(last),
        **permissions(request),
    }
    return TemplateResponse(request, "admin/leaflink/workbench_linked_row.html", context)


class _Asked:
    """The page that a row was on, with what it was narrowed to: htmx names its address."""

    def __init__(self, request: HttpRequest) -> None:
        try:
            address = urlsplit(request.headers.get("HX-Current-URL", ""))
            self.GET = QueryDict(address.query)
        except (ValueError, SuspiciousOperation):
            address, self.GET = urlsplit(""), QueryDict()
        self.path = f"{address.path}?{address.query}" if address.path else ""


def undo(request: HttpRequest) -> HttpResponse:
    """End the links that this person made last; many only after a look at what that means."""
    require(request, "leaflink.delete_listing")
    back = where_from(request) or to_workbench().headers["Location"]
    last = last_links(request)
    if request.method == "POST":
        is_this = request.POST.get("act", act_of(last)) == act_of(last)
        ended = undo_last(request) if is_this else ""
        if ended:
            messages.success(request, f"Unlinked again: {ended}. LeafLink was left as it is.")
        else:
            messages.info(request, "There is nothing to undo. Other links are under Linked.")
        return HttpResponseRedirect(back)
    context = {
        **admin.site.each_context(request),
        "title": "Undo",
        "last": last,
        "act": act_of(last),
        "back": back,
    }
    return TemplateResponse(request, "admin/leaflink/undo.html", context)


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """Ask for the product of an item to be made in LeafLink."""
    require(request, "leaflink.add_listing")
    item = get_object_or_404(Item, pk=_number(request, "item"))
    try:
        create_product.ask_for(item)
        messages.success(
            request, f"“{item.name}” is being created in LeafLink. Reload in a moment."
        )
    except create_product.CannotCreate as error:
        messages.error(request, f"{item.sku} can't be created yet. {error}")
    return HttpResponseRedirect(
        where_from(request) or to_workbench(tab="items").headers["Location"]
    )


def _number(request: HttpRequest, name: str) -> int:
    return natural(request.POST.get(name, ""))


PAGES: tuple[tuple[str, Any, str], ...] = (
    ("", workbench, "workbench"),
    ("link/", link, "link"),
    ("undo/", undo, "undo"),
    ("find/", find, "find"),
    ("exact-skus/", exact_skus, "exact_skus"),
    ("create/", create, "create"),
)
