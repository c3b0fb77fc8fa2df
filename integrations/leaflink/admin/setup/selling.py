"""Step 3: which brands the account sells, where its stock lies, and where orders ship from."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from catalog.models import Brand, Facility
from catalog.natural import natural
from catalog.permissions import require
from integrations.leaflink import setup_steps
from integrations.leaflink.admin.setup.frame import on_from, part, show
from integrations.leaflink.change_rules import change_rules
from integrations.leaflink.models import Account, AccountBrand, ListEntry, Listing, Product
from integrations.models import Heartbeat, WorkItem


@dataclass
class Choice:
    """A brand that can be ticked: one of LeafLink's, or one of ours that LeafLink has not."""

    field: str
    name: str
    entry: ListEntry | None
    brand: Brand | None
    products: int
    is_sold: bool
    is_ticked: bool
    sold_by: Account | None


def reading(account: Account) -> dict[str, Any]:
    """How far the first reading of LeafLink's lists is, for the waiting line."""
    work = WorkItem.objects.filter(connection=account, kind="leaflink.catalog").first()
    return {
        "is_read": setup_steps.catalog_was_read(account),
        "read_so_far": Product.objects.filter(account=account).count(),
        "trouble": work.error if work else "",
        "no_worker": Heartbeat.last() is None,
    }


def reading_part(request: HttpRequest, account: Account, step_key: str) -> HttpResponse:
    """What htmx asks for while a step waits for that reading; the page is shown anew after it."""
    answer = part(request, account, "reading", step_key=step_key, **reading(account))
    if setup_steps.catalog_was_read(account):
        answer.headers["HX-Refresh"] = "true"
    return answer


def choices(account: Account) -> list[Choice]:
    """LeafLink's brands, each with ours of the same name; then ours that are left. Ticked are those
    that are sold, those of the same name, and all of them when there are no brands here yet."""
    ours = list(Brand.objects.filter(is_active=True).select_related("leaflink__account"))
    by_name = {brand.name.strip().casefold(): brand for brand in ours}
    by_entry = {
        row.leaflink_brand_id: row.brand
        for row in AccountBrand.objects.filter(account=account).select_related("brand")
    }
    rows, used = [], set()
    counts = _products_by_brand(account)
    entries = ListEntry.objects.filter(
        account=account, list=ListEntry.List.BRAND, gone_at__isnull=True
    )
    known = any(entry.name.strip().casefold() in by_name for entry in entries)
    for entry in entries:
        brand = by_entry.get(entry.pk) or by_name.get(entry.name.strip().casefold())
        if brand and brand.pk in used:
            continue
        used.add(brand.pk if brand else 0)
        count = counts.get(entry.remote_id, 0)
        rows.append(_choice(account, f"entry-{entry.pk}", entry.name, entry, brand, count, known))
    for brand in ours:
        if brand.pk not in used:
            rows.append(_choice(account, f"brand-{brand.pk}", brand.name, None, brand, 0, known))
    return rows


def _choice(
    account: Account,
    field: str,
    name: str,
    entry: ListEntry | None,
    brand: Brand | None,
    products: int,
    some_known: bool,
) -> Choice:
    sold: AccountBrand | None = getattr(brand, "leaflink", None) if brand else None
    is_sold = bool(sold and sold.account_id == account.pk)
    other = sold.account if sold and not is_sold else None
    suggested = entry is not None and (brand is not None or not some_known)
    # Once something was chosen here, that is what is shown.
    ticked = is_sold or (suggested and not other and not account.brands.exists())
    return Choice(field, name, entry, brand, products, is_sold, ticked, other)


def _products_by_brand(account: Account) -> dict[int, int]:
    counts: dict[int, int] = {}
    rows = Product.objects.filter(account=account, gone_at__isnull=True)
    for remote_id in rows.values_list("remote_brand_id", flat=True):
        if remote_id:
            counts[remote_id] = counts.get(remote_id, 0) + 1
    return counts


def catalog(request: HttpRequest, account: Account) -> HttpResponse:
    """Choose brands and facilities; make those that are missing right here."""
    if request.method == "POST":
        try:
            _save(request, account)
        except ValidationError as error:
            for text in error.messages:
                messages.error(request, text)
            return _page(request, account)
        return on_from(account, "catalog")
    if request.GET.get("part") == "reading":
        return reading_part(request, account, "catalog")
    return _page(request, account)


@transaction.atomic
def _save(request: HttpRequest, account: Account) -> None:
    """Write all of the page. Raises ValidationError, changing nothing."""
    Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
    facilities = _facilities(request)
    rows = choices(account)
    ticked = [row for row in rows if row.field in request.POST and not row.sold_by]
    sold = AccountBrand.objects.filter(account=account)
    if not ticked and not sold.exists():
        raise ValidationError("Tick at least one brand that this account sells.")
    for row in ticked:
        _sell(request, account, row)
    for row in rows:
        if row.is_sold and row.field not in request.POST:
            _stop_selling(account, row)
    chosen = natural(request.POST.get("default_facility", ""))
    default = next((one for one in facilities if one.pk == chosen), None)
    default = default or (facilities[0] if len(facilities) == 1 else None)
    if default is None:
        raise ValidationError("Choose where orders ship from when no other rule says so.")
    counted = {natural(text) for text in request.POST.getlist("facility")}
    values = {
        "default_facility": default,
        "facilities": [one for one in facilities if one.pk in counted],
    }
    change_rules(account, values, request.user, by_way_of="Set-up")


def _facilities(request: HttpRequest) -> list[Facility]:
    """All facilities in use, the new one of the form among them (last)."""
    rows = list(Facility.objects.filter(is_active=True))
    name = request.POST.get("new_facility", "").strip()
    number = request.POST.get("new_license", "").strip()
    if not name and not number and rows:
        return rows
    require(request, "catalog.add_facility")
    facility = Facility(name=name, license_number=number)
    try:
        facility.full_clean()
    except ValidationError as error:
        told = "; ".join(
            f"{field.replace('_', ' ').capitalize()}: {' '.join(texts)}"
            for field, texts in error.message_dict.items()
        )
        raise ValidationError(f"A facility needs a name and its license number. {told}") from error
    facility.save()
    return [*rows, facility]


def _sell(request: HttpRequest, account: Account, row: Choice) -> None:
    if row.is_sold:
        return
    brand = row.brand
    if brand is None:
        require(request, "catalog.add_brand")
        brand = Brand.objects.create(name=row.name[:200])
    # Brands of the same name find each other; only a chosen one has to be noted.
    same = row.entry and row.entry.name.strip().casefold() == brand.name.strip().casefold()
    AccountBrand.objects.create(
        account=account, brand=brand, leaflink_brand=None if same else row.entry
    )


def _stop_selling(account: Account, row: Choice) -> None:
    if Listing.objects.filter(item__brand=row.brand, product__account=account).exists():
        raise ValidationError(
            f"{row.name} has linked products, so it stays ticked. Unlink them first."
        )
    AccountBrand.objects.filter(account=account, brand=row.brand).delete()


def _page(request: HttpRequest, account: Account) -> HttpResponse:
    facilities = list(Facility.objects.filter(is_active=True))
    counted = set(account.facilities.values_list("pk", flat=True))
    licenses = ListEntry.objects.filter(
        account=account, list=ListEntry.List.LICENSE, gone_at__isnull=True
    )
    first = licenses.first()
    posted = request.POST
    rows = choices(account)
    if request.method == "POST":
        for row in rows:
            row.is_ticked = row.field in posted
    return show(
        request,
        account,
        "catalog",
        "catalog",
        brands=rows,
        facilities=[(one, one.pk in counted) for one in facilities],
        default_id=account.default_facility_id
        or (facilities[0].pk if len(facilities) == 1 else None),
        new_facility=posted.get("new_facility", "" if facilities else account.company_name),
        new_license=posted.get("new_license", first.name if first and not facilities else ""),
        step_key="catalog",
        **reading(account),
    )
