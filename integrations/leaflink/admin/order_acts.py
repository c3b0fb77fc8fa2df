"""The buttons on a LeafLink order's page: each is a POST that asks for its own permission."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.models import Facility
from catalog.return_to import where_from
from customers.models import Destination, SalesRep
from integrations import work
from integrations.leaflink import decide_orders, map_reps, pull_orders
from integrations.leaflink.admin.listing_pages import require
from integrations.leaflink.admin.lists import natural
from integrations.leaflink.admin.order_standing import permissions, read, token
from integrations.leaflink.decide_orders import CannotDecide
from integrations.leaflink.match_customers import known_as, suggested_destinations
from integrations.leaflink.models import Customer, Order, Staff
from integrations.leaflink.work_kinds import ORDER_WORK
from integrations.models import WorkItem

DECIDES = "leaflink.decide_order"
MAKES_DESTINATIONS = ("leaflink.change_customer", "customers.add_destination")


def urls(site: Any) -> list[URLPattern]:
    """The addresses of the acts; each is reversed as `admin:leaflink_order_<name>`."""
    acts: tuple[tuple[str, Callable[..., HttpResponse]], ...] = (
        ("read_again", require_POST(read_again)),
        ("import_anyway", require_POST(import_anyway)),
        ("facility", require_POST(choose_facility)),
        ("destination", choose_destination),
        ("create_destination", _plain(decide_orders.create_destination, *MAKES_DESTINATIONS)),
        ("map_rep", require_POST(map_rep)),
        ("take_leaflinks", _plain(decide_orders.take_leaflinks, DECIDES)),
        ("keep_ours", _plain(decide_orders.keep_ours, DECIDES)),
        ("do_the_same", _plain(decide_orders.do_the_same, DECIDES, "orders.work_salesorder")),
        ("news", require_GET(news)),
    )
    return [
        path(
            f"<int:order_id>/{name.replace('_', '-')}/",
            site.admin_view(view),
            name=f"leaflink_order_{name}",
        )
        for name, view in acts
    ]


def _back(request: HttpRequest, order_id: int) -> HttpResponse:
    page = reverse("admin:leaflink_order_change", args=[order_id])
    return HttpResponseRedirect(where_from(request) or page)


def _decide(request: HttpRequest, order_id: int, act: Callable[[], Order]) -> HttpResponse:
    """Do what was decided, and say where the order stands now."""
    get_object_or_404(Order.objects.only("pk"), pk=order_id)
    try:
        order = act()
    except CannotDecide as error:
        messages.error(request, str(error))
        return _back(request, order_id)
    tell_standing(request, order)
    return _back(request, order_id)


def _plain(verb: Callable[..., Order], *needed: str) -> Callable[..., HttpResponse]:
    """A view that does a verb of `decide_orders` which takes nothing but the order."""

    @require_POST
    def view(request: HttpRequest, order_id: int) -> HttpResponse:
        require(request, *needed)
        return _decide(request, order_id, lambda: verb(order_id, by=request.user))

    return view


def tell_standing(request: HttpRequest, order: Order) -> None:
    """Say in a message what has become of the order."""
    if order.state == Order.State.IMPORTED:
        kept = order.state_reason
        text = f"{order} is imported as {order.sales_order}."
        messages.success(request, f"{text} {kept}" if kept else text)
    elif order.state == Order.State.HELD:
        left = order.blockers.count()
        messages.info(
            request,
            f"{order} is still held, for {left} reason{'' if left == 1 else 's'}.",
        )
    else:
        reason = f": {order.state_reason}" if order.state_reason else "."
        messages.info(request, f"{order} is {order.get_state_display().lower()}{reason}")


def read_again(request: HttpRequest, order_id: int) -> HttpResponse:
    """Ask for an order to be read from LeafLink again, now."""
    require(request, "leaflink.sync_account")
    order = get_object_or_404(Order.objects.defer("raw"), pk=order_id)
    work.ask(order.account_id, ORDER_WORK, [str(order.number)], WorkItem.Priority.ORDERS)
    order.tell(order.events.model.Kind.PERSON, "Read it again.", by=request.user)  # type: ignore[arg-type]
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
        lambda: decide_orders.import_anyway(order_id, reason, by=request.user),  # type: ignore[arg-type]
    )


def choose_facility(request: HttpRequest, order_id: int) -> HttpResponse:
    """Ship the order from the facility that was chosen."""
    require(request, DECIDES)
    facility = get_object_or_404(Facility, pk=natural(request.POST.get("facility", "")))
    return _decide(
        request,
        order_id,
        lambda: decide_orders.choose_facility(order_id, facility, by=request.user),  # type: ignore[arg-type]
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
        return _decide(
            request,
            order_id,
            lambda: decide_orders.choose_destination(order_id, chosen, by=request.user),  # type: ignore[arg-type]
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


def map_rep(request: HttpRequest, order_id: int) -> HttpResponse:
    """Map one of LeafLink's staff to the rep that was suggested."""
    require(request, "leaflink.change_staff", "customers.view_salesrep")
    staff = get_object_or_404(Staff.objects.defer("raw"), pk=natural(request.POST.get("staff", "")))
    rep = get_object_or_404(SalesRep, pk=natural(request.POST.get("rep", "")))
    order = get_object_or_404(Order.objects.select_related("account"), pk=order_id)
    map_reps.map_to(staff, rep)
    messages.success(request, f"{staff} is mapped to {rep}. Orders that waited for it come in now.")
    pull_orders.settle_numbers(order.account, [str(order.number)])
    return _back(request, order_id)


def news(request: HttpRequest, order_id: int) -> HttpResponse:
    """For an open page, every few seconds: nothing, or that the order is no longer as shown."""
    require(request, "leaflink.view_order")
    order = get_object_or_404(Order.objects.defer("raw"), pk=order_id)
    context = {"order": order, "is_news": token(order) != request.GET.get("seen", "")}
    return TemplateResponse(request, "admin/leaflink/order_news.html", context)
