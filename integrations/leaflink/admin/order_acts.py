"""The buttons on a LeafLink order's page: each is a POST that asks for its own permission."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.models import Facility, Item
from catalog.natural import natural
from catalog.permissions import require
from catalog.return_to import where_from
from customers.models import Destination, SalesRep, normalized_license
from customers.own import if_own
from integrations import work
from integrations.leaflink import decide_orders, map_reps, pull_orders
from integrations.leaflink import link as links
from integrations.leaflink.admin.last_links import remember
from integrations.leaflink.admin.order_standing import permissions, read, token
from integrations.leaflink.decide_orders import CannotDecide
from integrations.leaflink.match_customers import known_as, suggested_destinations
from integrations.leaflink.models import Customer, Order, OrderEvent, Product, Staff
from integrations.leaflink.work_kinds import ORDER_WORK
from integrations.models import WorkItem

DECIDES = "leaflink.decide_order"


def urls(site: Any) -> list[URLPattern]:
    """The addresses of the acts; each is reversed as `admin:leaflink_order_<name>`."""
    acts: tuple[tuple[str, Callable[..., HttpResponse]], ...] = (
        ("read_again", require_POST(read_again)),
        ("import_anyway", require_POST(import_anyway)),
        ("facility", require_POST(choose_facility)),
        ("destination", choose_destination),
        (
            "create_destination",
            _plain(
                decide_orders.create_destination,
                "The customer has a destination now.",
                "leaflink.change_customer",
                "customers.add_destination",
            ),
        ),
        ("map_rep", require_POST(map_rep)),
        ("link_product", require_POST(link_product)),
        (
            "take_leaflinks",
            _plain(decide_orders.take_leaflinks, "LeafLink's version was taken.", DECIDES),
        ),
        ("keep_ours", _plain(decide_orders.keep_ours, "Ours was kept.", DECIDES)),
        (
            "do_the_same",
            _plain(
                decide_orders.do_the_same,
                "The same was done here.",
                DECIDES,
                "orders.work_salesorder",
            ),
        ),
        (
            "try_again",
            _plain(decide_orders.try_again, "LeafLink is asked again.", "leaflink.sync_account"),
        ),
        ("news", require_GET(news)),
    )
    return [
        path(
            f"<id:order_id>/{name.replace('_', '-')}/",
            site.admin_view(if_own(Order, view)),
            name=f"leaflink_order_{name}",
        )
        for name, view in acts
    ]


def _back(request: HttpRequest, order_id: int) -> HttpResponse:
    page = reverse("admin:leaflink_order_change", args=[order_id])
    return HttpResponseRedirect(where_from(request) or page)


def _decide(
    request: HttpRequest, order_id: int, act: Callable[[], Order], done: str
) -> HttpResponse:
    """Do what was decided, and say what was done and where the order stands now."""
    get_object_or_404(Order.objects.only("pk"), pk=order_id)
    try:
        order = act()
    except CannotDecide as error:
        messages.error(request, str(error))
        return _back(request, order_id)
    tell_standing(request, order, done)
    return _back(request, order_id)


def _plain(verb: Callable[..., Order], done: str, *needed: str) -> Callable[..., HttpResponse]:
    """A view that does a verb of `decide_orders` which takes nothing but the order."""

    @require_POST
    def view(request: HttpRequest, order_id: int) -> HttpResponse:
        require(request, *needed)
        return _decide(
            request, order_id, lambda: verb(order_id, by=request.user, seen=_seen(request)), done
        )

    return view


def _seen(request: HttpRequest) -> str:
    """What the page showed when the button was pressed."""
    return request.POST.get("seen", "")[:64]


def tell_standing(request: HttpRequest, order: Order, done: str) -> None:
    """Say in a message what was done, and what has become of the order."""
    if order.state == Order.State.IMPORTED and order.sales_order:
        local = order.sales_order
        messages.success(request, f"{done} {local} is {local.get_status_display().lower()} here.")
    elif order.state == Order.State.HELD:
        left = order.blockers.count()
        reasons = f"{left} reason{'' if left == 1 else 's'}"
        messages.info(request, f"{done} {order} is still held, for {reasons}.")
    else:
        reason = f": {order.state_reason}" if order.state_reason else "."
        messages.info(request, f"{done} {order} is {order.get_state_display().lower()}{reason}")


def read_again(request: HttpRequest, order_id: int) -> HttpResponse:
    """Ask for an order to be read from LeafLink again, now."""
    require(request, "leaflink.sync_account")
    order = get_object_or_404(Order.objects.defer("raw"), pk=order_id)
    work.ask(order.account_id, ORDER_WORK, [str(order.number)], WorkItem.Priority.ORDERS)
    order.tell(OrderEvent.Kind.PERSON, "Read it again.", by=request.user)  # type: ignore[arg-type]
    messages.info(
        request, "The order is being read from LeafLink. This page says when that changes it."
    )
    return _back(request, order_id)


def import_anyway(request: HttpRequest, order_id: int) -> HttpResponse:
    """Import although stock is short or the total differs; needs a reason."""
    require(request, "leaflink.import_order_anyway")
    reason = request.POST.get("reason", "")
    return _decide(
        request,
        order_id,
        lambda: decide_orders.import_anyway(
            order_id,
            reason,
            by=request.user,  # type: ignore[arg-type]
            seen=_seen(request),
        ),
        "It is imported anyway.",
    )


def choose_facility(request: HttpRequest, order_id: int) -> HttpResponse:
    """Ship the order from the facility that was chosen."""
    require(request, DECIDES)
    chosen = request.POST.get("facility", "")
    facility = get_object_or_404(Facility, pk=natural(chosen)) if chosen else None
    return _decide(
        request,
        order_id,
        lambda: decide_orders.choose_facility(order_id, facility, by=request.user),  # type: ignore[arg-type]
        f"It is to ship from {facility or 'where the routing rules say'}.",
    )


class DestinationForm(forms.Form):
    """Searches destinations, as the customer's own page does."""

    destination = forms.ModelChoiceField(queryset=Destination.objects.all())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        related = Customer._meta.get_field("destination")
        field: Any = self.fields["destination"]
        field.widget = AutocompleteSelect(related, admin.site, attrs={"style": "width: 100%"})
        field.widget.choices = field.choices


def choose_destination(request: HttpRequest, order_id: int) -> HttpResponse:
    """Show who the customer may be, and take the choice."""
    require(request, "leaflink.change_customer", "customers.view_destination")
    order = get_object_or_404(Order.objects.select_related("customer", "sales_order"), pk=order_id)
    form = DestinationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["destination"]
        _warn_of_license(request, order, chosen)
        return _decide(
            request,
            order_id,
            lambda: decide_orders.choose_destination(order_id, chosen, by=request.user),  # type: ignore[arg-type]
            f"{order.customer} is {chosen} now.",
        )
    payload = read(order)
    said = payload.customer if payload else None
    context = {
        **admin.site.each_context(request),
        "title": f"Whose is order {order}?",
        "opts": Order._meta,
        "order": order,
        "form": form,
        "media": form.media,
        "suggested": suggested_destinations(order.customer, known_as(order.customer, said))
        if order.customer and said
        else [],
        "here": where_from(request) or reverse("admin:leaflink_order_change", args=[order_id]),
        **permissions(request),
    }
    return TemplateResponse(request, "admin/leaflink/order_destination.html", context)


def _warn_of_license(request: HttpRequest, order: Order, destination: Destination) -> None:
    theirs = normalized_license(order.customer.license_number) if order.customer else ""
    if theirs and destination.license_key and theirs != destination.license_key:
        messages.warning(
            request,
            f"Their licenses differ: {order.customer} has {theirs} in LeafLink, {destination} has "
            f"{destination.license_key} here. The delivery address stays the one LeafLink gave.",
        )


def map_rep(request: HttpRequest, order_id: int) -> HttpResponse:
    """Map one of LeafLink's staff to the rep that was suggested, or to one made for it."""
    require(request, "leaflink.change_staff", "customers.view_salesrep")
    staff = get_object_or_404(Staff.objects.defer("raw"), pk=natural(request.POST.get("staff", "")))
    order = get_object_or_404(Order.objects.select_related("account"), pk=order_id)
    if request.POST.get("rep") == "new":
        require(request, "customers.add_salesrep")
        try:
            rep = map_reps.map_to_own_rep(staff)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return _back(request, order_id)
    else:
        chosen = natural(request.POST.get("rep", ""))
        rep = get_object_or_404(SalesRep, is_active=True, pk=chosen)
        map_reps.map_to(staff, rep)
    messages.success(request, f"{staff} is mapped to {rep}. Orders that waited for it come in now.")
    pull_orders.settle_numbers(order.account, [str(order.number)])
    return _back(request, order_id)


def link_product(request: HttpRequest, order_id: int) -> HttpResponse:
    """Link a product of the order to the item that was suggested."""
    require(request, "leaflink.add_listing", "catalog.view_item")
    items = Item.objects.select_related("brand__leaflink__account")
    item = get_object_or_404(items, pk=natural(request.POST.get("item", "")))
    products = Product.objects.select_related("account").defer("raw")
    product = get_object_or_404(products, pk=natural(request.POST.get("product", "")))
    order = get_object_or_404(Order.objects.select_related("account"), pk=order_id)
    try:
        listing = links.link(item, product)
    except links.LinkError as error:
        messages.error(request, str(error))
        return _back(request, order_id)
    remember(request, [listing])
    messages.success(request, f"{item.sku} is linked to {product}. {links.warning_of(product)}")
    pull_orders.settle_numbers(order.account, [str(order.number)])
    return _back(request, order_id)


def news(request: HttpRequest, order_id: int) -> HttpResponse:
    """For an open page, every few seconds: nothing, or that the order is no longer as shown."""
    require(request, "leaflink.view_order")
    order = get_object_or_404(Order.objects.defer("raw"), pk=order_id)
    context = {"order": order, "is_news": token(order) != request.GET.get("seen", "")}
    return TemplateResponse(request, "admin/leaflink/order_news.html", context)
