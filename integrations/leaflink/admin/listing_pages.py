"""What a person does with one link: unlink, link to the product made anew, settle differences."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from catalog.permissions import require
from catalog.return_to import where_from
from integrations import work
from integrations.leaflink import link as links
from integrations.leaflink.compare_listings import Choices, keep_theirs, send_ours
from integrations.leaflink.mapping.product_fields import BY_NAME, LABELS, is_ours
from integrations.leaflink.models import Account, Listing
from integrations.leaflink.wanted import rules_of
from integrations.leaflink.work_kinds import DETAILS_WORK
from integrations.models import WorkItem

S = Listing.Standing
REFUSED = Q(standing=S.REFUSED) | ~Q(refusal="")
NEEDS_A_LOOK = ~Q(trouble="") | Q(standing__in=(S.OUT_OF_STEP, S.CONFLICT)) | REFUSED


def _back(request: HttpRequest, fallback: str) -> HttpResponse:
    return HttpResponseRedirect(where_from(request) or fallback)


def _get(listing_id: int) -> Listing:
    rows = Listing.objects.select_related("item", "product__account", "replacement__account")
    return get_object_or_404(rows.defer("product__raw", "replacement__raw"), pk=listing_id)


def unlink(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Ask, saying what stops; then end the link."""
    require(request, "leaflink.delete_listing")
    listing = _get(listing_id)
    back = reverse("admin:leaflink_listing_workbench") + "?tab=linked"
    if request.method == "POST":
        links.unlink(listing)
        messages.success(
            request,
            f"{listing.item.sku} is unlinked. LeafLink was left as it is: “{listing.product}” "
            "stays there with the quantity last sent.",
        )
        return _back(request, back)
    context = {
        **admin.site.each_context(request),
        "title": "Unlink from LeafLink",
        "opts": Listing._meta,
        "listing": listing,
        "open_orders": listing.item.commitments.count(),
        "back": where_from(request) or back,
    }
    return TemplateResponse(request, "admin/leaflink/unlink.html", context)


@require_POST
def relink(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Link the item to the product that was made anew in place of its own."""
    require(request, "leaflink.add_listing", "leaflink.delete_listing")
    listing = _get(listing_id)
    fallback = reverse("admin:leaflink_listing_workbench") + "?tab=look"
    if listing.replacement is None:
        messages.error(request, "The product that took its place is not there any more.")
        return _back(request, fallback)
    try:
        fresh = links.relink(listing, listing.replacement)
        messages.success(request, f"{fresh.item.sku} is linked to {fresh.product} now.")
    except links.LinkError as error:
        messages.error(request, str(error))
    return _back(request, fallback)


@require_POST
def send(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Send our value of a field, or of all that differ, to LeafLink."""
    return _decide_one(request, listing_id, "send")


@require_POST
def keep(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Keep LeafLink's value of a field, or of all that wait for a decision."""
    return _decide_one(request, listing_id, "keep")


def _decide_one(request: HttpRequest, listing_id: int, verb: str) -> HttpResponse:
    require(request, "leaflink.change_listing")
    listing = _get(listing_id)
    name = request.POST.get("field", "")
    account = listing.product.account
    names = [name] if name in BY_NAME else _open_fields(listing)
    back = reverse("admin:leaflink_listing_change", args=[listing_id])
    if verb == "send" and not (names := _sendable(account, names)):
        messages.error(
            request,
            f"{account}'s rules don't send that to LeafLink. Switch them on under the account, or "
            "keep LeafLink's.",
        )
        return _back(request, back)
    _decide(account, [listing], {listing.pk: names}, verb)
    what = LABELS.get(name, "What differs")
    said = (
        f"{what} is being sent to LeafLink. Reload in a moment."
        if verb == "send"
        else f"{what}: LeafLink's is kept."
    )
    messages.success(request, said)
    return _back(request, back)


def _sendable(account: Account, names: list[str]) -> list[str]:
    """Those that the account's rules let us send."""
    rules = rules_of(account)
    return [name for name in names if is_ours(BY_NAME[name], rules)]


def _open_fields(listing: Listing) -> list[str]:
    """The fields that wait for a person, or were refused."""
    waiting = ("moved_there", "conflict")
    found = [row["field"] for row in listing.differences if row["decision"] in waiting]
    return [*found, *listing.refused_details]


def _decide(account: Account, listings: list[Listing], choices: Choices, verb: str) -> None:
    if verb == "keep":
        keep_theirs(account, choices)
        return
    send_ours(account, choices)
    items = [str(listing.item_id) for listing in listings]
    work.ask(account.pk, DETAILS_WORK, items, WorkItem.Priority.REST)


def decide_many(request: HttpRequest, listings: QuerySet[Listing], verb: str) -> None:
    """The same for all that wait on several links, with a few queries per account."""
    decide_fields(request, {one.pk: _open_fields(one) for one in listings}, verb)


def decide_fields(request: HttpRequest, fields: dict[int, list[str]], verb: str) -> None:
    """The same for these fields of several links, by listing id."""
    choices: dict[Account, dict[int, list[str]]] = {}
    waiting = []
    for one in Listing.objects.filter(pk__in=fields).select_related("product__account"):
        account, names = one.product.account, fields[one.pk]
        if names := _sendable(account, names) if verb == "send" else names:
            choices.setdefault(account, {})[one.pk] = names
            waiting.append(one)
    for account, mine in choices.items():
        _decide(account, [one for one in waiting if one.pk in mine], dict(mine), verb)
    done = "are being sent to LeafLink" if verb == "send" else "keep LeafLink's"
    if waiting:
        messages.success(request, f"{len(waiting)} linked products {done}.")
    else:
        messages.info(request, "None of these waits for that decision, or the rules forbid it.")


PAGES: tuple[tuple[str, Any], ...] = (
    ("unlink", unlink),
    ("relink", relink),
    ("send", send),
    ("keep", keep),
)
