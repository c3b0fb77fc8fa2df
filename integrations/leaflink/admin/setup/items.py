"""Making items of LeafLink's products: every one is shown before anything is made."""

from collections import Counter

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from catalog.models import Facility
from catalog.natural import natural
from catalog.permissions import require
from integrations.leaflink.admin.setup.frame import show, to
from integrations.leaflink.make_items import MakeError, candidates, make
from integrations.leaflink.models import Account

# As many as a person can look through on a page.
SHOWN = 200
NEEDS = ("catalog.add_item", "leaflink.add_listing")


def make_items(request: HttpRequest, account: Account) -> HttpResponse:
    """Show what would be made and what can't be; make those that were left ticked."""
    require(request, *NEEDS)
    rows = candidates(account)
    good = [row for row in rows if row.item]
    facilities = _counted(account)
    if request.method == "POST":
        return _make(request, account, [row.product.pk for row in good])
    problems = Counter(row.problem for row in rows if row.problem)
    return show(
        request,
        account,
        "products",
        "make_items",
        rows=good[:SHOWN],
        count=len(good),
        more=max(len(good) - SHOWN, 0),
        problems=[
            (text, times, [row.product for row in rows if row.problem == text][:5])
            for text, times in problems.most_common(20)
        ],
        failing=sum(problems.values()),
        with_stock=sum(1 for row in good if row.on_hand > 0),
        facilities=facilities,
        default_id=account.default_facility_id,
        may_receive=request.user.has_perm("catalog.add_stock"),
        back="products",
    )


def _counted(account: Account) -> QuerySet[Facility]:
    """The facilities whose stock is offered; elsewhere opening stock would count as none."""
    active = Facility.objects.filter(is_active=True, sells=True)
    chosen = account.facilities.values("pk")
    return active.filter(pk__in=chosen) if chosen.exists() else active


def _make(request: HttpRequest, account: Account, wanted: list[int]) -> HttpResponse:
    shown = {natural(text) for text in request.POST.getlist("shown")}
    ticked = {natural(text) for text in request.POST.getlist("product")}
    stock_at = None
    if "stock" in request.POST:
        require(request, "catalog.add_stock")
        place = natural(request.POST.get("facility", ""))
        stock_at = _counted(account).filter(pk=place or 0).first()
        if stock_at is None:
            messages.error(
                request,
                "Choose the facility at which the stock lies, among those that are counted for "
                "this account. Others are ticked under Brands and facilities.",
            )
            return to(account, "make-items")
    # What did not fit the page goes with it; what was unticked stays out.
    chosen = [pk for pk in wanted if pk in ticked or pk not in shown]
    try:
        made = make(account, chosen, stock_at=stock_at, by=request.user)  # type: ignore[arg-type]
    except MakeError as error:
        messages.error(request, str(error))
        return to(account, "make-items")
    if not made.items:
        messages.info(request, "Nothing was left to be made.")
        return to(account, "products")
    stock = f", {made.with_stock} of them with stock at {stock_at}" if made.with_stock else ""
    messages.success(request, f"{made.items} items are made and linked{stock}.")
    return to(account, "products")
