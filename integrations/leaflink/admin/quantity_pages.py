"""Pages about quantities in LeafLink: why this number, what would be sent now, and the brake."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.paginator import Paginator
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from catalog.natural import natural
from catalog.permissions import require
from catalog.return_to import where_from
from integrations import work
from integrations.leaflink import brake
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.explain_quantity import explain, quantity_row
from integrations.leaflink.models import Account, Listing, Offer
from integrations.leaflink.quantities import wanted
from integrations.leaflink.send_again import send_again
from integrations.leaflink.wanted import offer_of
from integrations.leaflink.work_kinds import INVENTORY_WORK
from integrations.models import WorkItem

PER_PAGE = 50
CHANGES, SYNCS = "leaflink.change_listing", "leaflink.sync_account"


class PauseForm(forms.Form):
    """Why a quantity is no longer sent, and what LeafLink shows meanwhile."""

    pause = forms.ChoiceField(
        label="Meanwhile",
        choices=[(one.value, one.label) for one in Offer.Pause if one.value],
        initial=Offer.Pause.AS_IS,
        widget=UnfoldAdminRadioSelectWidget,
    )
    reason = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Recount on Friday"}),
        error_messages={"required": "Say why, so that whoever finds it paused knows."},
    )


def _listing(listing_id: int) -> Listing:
    rows = Listing.objects.select_related("item__brand", "item__offer__paused_by")
    rows = rows.select_related("product__account").defer("product__raw", "product__shown")
    return get_object_or_404(rows, pk=listing_id)


def _context(request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": title,
        "opts": Listing._meta,
        "back": where_from(request),
        "here": request.get_full_path(),
        **more,
    }


def why(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Show how the number comes about that LeafLink should show for a listing."""
    require(request, "leaflink.view_listing")
    listing = _listing(listing_id)
    context = _context(
        request,
        f"Why this number: {listing.item.name}",
        listing=listing,
        account=listing.product.account,
        offer=offer_of(listing.item),
        why=explain(listing),
        form=PauseForm(),
        may_change=request.user.has_perm(CHANGES),
        may_send=request.user.has_perm(SYNCS),
    )
    return TemplateResponse(request, "admin/leaflink/why.html", context)


def _to_why(request: HttpRequest, listing_id: int) -> HttpResponse:
    return HttpResponseRedirect(
        where_from(request) or reverse("admin:leaflink_listing_why", args=[listing_id])
    )


@require_POST
def send_now(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Send a listing's quantity, whatever is believed to be in LeafLink."""
    require(request, SYNCS)
    listing = _listing(listing_id)
    ask_and_tell(request, Listing.objects.filter(pk=listing.pk))
    return _to_why(request, listing_id)


def ask_and_tell(request: HttpRequest, listings: QuerySet[Listing]) -> None:
    """Have these quantities sent; tell how many are, and of the others why not and the cure."""
    asked = send_again(listings)
    if asked.sent:
        are = "is" if len(asked.sent) == 1 else "are"
        messages.success(request, f"{_named(asked.sent)} {are} looked at and sent within seconds.")
    for reason, skus in asked.kept.items():
        messages.warning(request, f"{_named(skus)} not sent. {reason}")


def _named(skus: list[str]) -> str:
    """The first of these in words, and how many more there are."""
    shown, more = skus[:3], len(skus) - 3
    return f"{', '.join(shown)} and {more} more" if more > 0 else ", ".join(shown)


@require_POST
def pause(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Stop sending a listing's quantity, with a reason."""
    require(request, CHANGES)
    listing = _listing(listing_id)
    form = PauseForm(request.POST)
    if form.is_valid():
        pause_items([listing.item_id], form.cleaned_data, request.user)
        messages.success(request, f"{listing.item.sku} is paused.")
    else:
        messages.error(
            request, " ".join(str(text) for errors in form.errors.values() for text in errors)
        )
    return _to_why(request, listing_id)


def pause_items(item_ids: list[int], said: dict[str, Any], by: Any) -> None:
    """Pause the quantities of these items as `said` ("pause", "reason")."""
    Offer.objects.bulk_create(
        [Offer(item_id=pk, enabled=True) for pk in item_ids], ignore_conflicts=True
    )
    for offer in Offer.objects.filter(item__in=item_ids):
        offer.pause, offer.pause_reason = said["pause"], said["reason"].strip()
        offer.paused_at, offer.paused_by = timezone.now(), by
        offer.save(update_fields=["pause", "pause_reason", "paused_at", "paused_by"])


def pause_many(request: HttpRequest, listings: QuerySet[Listing]) -> HttpResponse | None:
    """Ask why, then pause all of these; None when it is done."""
    form = PauseForm(request.POST if "confirmed" in request.POST else None)
    if form.is_bound and form.is_valid():
        items = list(listings.values_list("item", flat=True))
        pause_items(items, form.cleaned_data, request.user)
        messages.success(request, f"{len(items)} quantities are paused.")
        return None
    context = _context(
        request,
        "Pause quantities",
        listings=list(listings.select_related("item")),
        form=form,
    )
    context["back"] = request.get_full_path()
    return TemplateResponse(request, "admin/leaflink/pause_many.html", context)


def resume_items(item_ids: list[int]) -> int:
    """Send the quantities of these items again; returns how many were paused."""
    paused = Offer.objects.filter(item__in=item_ids).exclude(pause="")
    count = 0
    for offer in paused:
        offer.pause, offer.pause_reason, offer.paused_at, offer.paused_by = "", "", None, None
        offer.save(update_fields=["pause", "pause_reason", "paused_at", "paused_by"])
        count += 1
    return count


@require_POST
def resume(request: HttpRequest, listing_id: int) -> HttpResponse:
    """End a listing's pause."""
    require(request, CHANGES)
    listing = _listing(listing_id)
    if resume_items([listing.item_id]):
        messages.success(request, f"The quantity of {listing.item.sku} is sent again.")
    else:
        messages.info(request, f"{listing.item.sku} was not paused.")
    return _to_why(request, listing_id)


def preview(request: HttpRequest, account_id: int) -> HttpResponse:
    """What a push would send now, and why; nothing is sent, and LeafLink is not asked."""
    require(request, "leaflink.view_listing")
    account = get_object_or_404(Account, pk=account_id)
    found = plan(account)
    stopped = brake.would_stop(account, found)
    pages = Paginator([*found.changes, *found.braked], PER_PAGE)
    page = pages.get_page(request.GET.get("p"))
    rows = [
        {
            **quantity_row(account, one, is_stopped=one.row.item_id in stopped),
            "listing_id": one.row.listing_id,
        }
        for one in page
    ]
    read = account.cursors.filter(resource="orders-received").first()
    context = _context(
        request,
        f"What would be sent to {account}",
        account=account,
        page=page,
        rows=rows,
        total=len(found.changes) + len(found.more) - len(stopped),
        stopped=len(stopped) + len(found.braked),
        orders_read_at=read.read_at if read else None,
        may_send=request.user.has_perm(SYNCS),
    )
    return TemplateResponse(request, "admin/leaflink/quantity_preview.html", context)


@require_POST
def push_now(request: HttpRequest, account_id: int) -> HttpResponse:
    """Have all quantities of an account looked at and sent."""
    require(request, SYNCS)
    account = get_object_or_404(Account, pk=account_id)
    work.ask(account.pk, INVENTORY_WORK, ["all"], WorkItem.Priority.STOCK)
    messages.success(
        request, "Orders are read and quantities sent now. Reload in a moment to see what is left."
    )
    return HttpResponseRedirect(reverse("admin:leaflink_listing_preview", args=[account_id]))


def braked(request: HttpRequest, account_id: int) -> HttpResponse:
    """What would sell out all at once; a person says yes to all of it, or to some."""
    require(request, "leaflink.view_listing")
    account = get_object_or_404(Account, pk=account_id)
    if request.method == "POST":
        return _say_yes(request, account)
    held = brake.held_back(account)
    page = Paginator(held.order_by("item__name"), PER_PAGE).get_page(request.GET.get("p"))
    numbers = {
        one.row.listing_id: one for one in list(wanted(account, [row.item_id for row in page]))
    }
    rows = [
        {**quantity_row(account, numbers[row.pk], is_stopped=True), "listing_id": row.pk}
        for row in page
        if row.pk in numbers
    ]
    context = _context(
        request,
        f"Products that would sell out: {account}",
        account=account,
        page=page,
        rows=rows,
        # "All" is what the page tells of, and nothing that came after it was opened.
        newest=held.aggregate(Max("braked_at"))["braked_at__max"],
        of=brake.managed(account),
        may_say_yes=request.user.has_perm(SYNCS),
    )
    return TemplateResponse(request, "admin/leaflink/brake.html", context)


def _say_yes(request: HttpRequest, account: Account) -> HttpResponse:
    require(request, SYNCS)
    chosen = _meant(request, brake.held_back(account))
    count = brake.say_yes(account, list(chosen.values_list("pk", flat=True)))
    if count:
        text = f"Yes to {count} products that sell out in LeafLink."
        LogEntry.objects.log_actions(
            request.user.pk,  # type: ignore[arg-type]
            [account],
            CHANGE,
            change_message=text,
        )
        messages.success(request, f"{count} products are set to sold out in LeafLink now.")
    elif "all" in request.POST:
        messages.error(request, "Nothing was done: what the page told of waits no longer.")
    else:
        messages.error(request, "Select the products that are really sold out first.")
    if "all" in request.POST and (later := brake.held_back(account).count()):
        messages.warning(
            request,
            f"{later} more came after you opened the page, and still wait. Look at them below.",
        )
    return HttpResponseRedirect(request.get_full_path())


def _meant(request: HttpRequest, held: QuerySet[Listing]) -> QuerySet[Listing]:
    """The listings that a person says yes to: the ticked ones, or all that the page told of."""
    if "all" in request.POST:
        newest = _moment(request.POST.get("newest", ""))
        return held.filter(braked_at__lte=newest) if newest else held.none()
    chosen = (natural(text) for text in request.POST.getlist("chosen")[:500])
    return held.filter(pk__in=[pk for pk in chosen if pk])


def _moment(text: str) -> datetime | None:
    """A moment as our own pages write it; None for anything else."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None


PAGES: tuple[tuple[str, Any, str], ...] = (
    ("<id:listing_id>/why/", why, "why"),
    ("<id:listing_id>/send-now/", send_now, "send_now"),
    ("<id:listing_id>/pause/", pause, "pause"),
    ("<id:listing_id>/resume/", resume, "resume"),
    ("preview/<id:account_id>/", preview, "preview"),
    ("preview/<id:account_id>/send/", push_now, "push_now"),
    ("brake/<id:account_id>/", braked, "brake"),
)
