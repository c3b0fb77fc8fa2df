"""The demo's own side: facilities, items, stock, reps and accounts, made once.

The stand-in's side (products, customers, orders) is made by `sandbox.seed` from the same catalog.
"""

from decimal import Decimal

from django.contrib.auth import get_user_model
from django.db import transaction

from catalog import inventory
from catalog.models import Brand, Facility, Item, Lot, ProductLine, Strain
from config.demo_logins import make_logins
from customers.models import SalesRep
from integrations.leaflink import map_reps
from integrations.leaflink.models import Account, AccountBrand, Staff
from integrations.leaflink.sandbox import practice_catalog, seed
from integrations.leaflink.sandbox.world import World
from orders.models import TaxRate

LOGIN = "demo"
PASSWORD = "demo"  # noqa: S105  (a practice login; the command refuses to run in production)


@transaction.atomic
def make_back_office(items: int, number: int) -> None:
    """Make the practice back office; what is there already stays as it is."""
    users = get_user_model()
    if not users.objects.filter(username=LOGIN).exists():
        users.objects.create_superuser(LOGIN, "demo@example.com", PASSWORD)
    facilities = [
        Facility.objects.get_or_create(
            license_number=place.license_number,
            defaults={"name": place.name, "city": place.city, "state": place.state},
        )[0]
        for place in seed.FACILITIES
    ]
    TaxRate.objects.get_or_create(name="State excise", defaults={"percent": Decimal(15)})
    for index, person in enumerate(p for p in seed.STAFF if p.mapped):
        SalesRep.objects.get_or_create(
            email=person.email,
            defaults={"name": person.name, "default_facility": facilities[index % 2]},
        )
    make_logins()
    _make_items(items, number, facilities)


def _make_items(items: int, number: int, facilities: list[Facility]) -> None:
    brands = {brand.name: brand for brand in Brand.objects.all()}
    for position, wanted in enumerate(practice_catalog.catalog(items, number)):
        brand = brands.get(wanted.brand) or Brand.objects.create(name=wanted.brand)
        brands[wanted.brand] = brand
        line = None
        if wanted.product_line:
            line, _ = ProductLine.objects.get_or_create(brand=brand, name=wanted.product_line)
        strain = None
        if wanted.strain:
            strain, _ = Strain.objects.get_or_create(
                name=wanted.strain, defaults={"classification": wanted.strain_classification}
            )
        item, made = Item.objects.get_or_create(
            sku=wanted.sku,
            defaults={
                "name": wanted.name,
                "brand": brand,
                "product_line": line,
                "strain": strain,
                "unit_of_measure": wanted.unit_of_measure,
                "case_size": wanted.case_size,
                "wholesale_price": wanted.wholesale_price,
                "retail_price": wanted.retail_price,
                "is_sample": wanted.is_sample,
            },
        )
        if made and wanted.on_hand > 0:
            lot = Lot.objects.create(item=item, number=f"L{position + 1:05d}")
            for facility, quantity in _spread(wanted.on_hand, facilities):
                inventory.receive(item, facility, quantity, lot, reason="Demo stock")


def _spread(on_hand: Decimal, facilities: list[Facility]) -> list[tuple[Facility, Decimal]]:
    """Most units where the first reps ship from, some at the others; in all `on_hand`."""
    parts = [(on_hand * share / 10).to_integral_value() for share in (4, 4)]
    parts.append(on_hand - sum(parts))
    return [(place, part) for place, part in zip(facilities, parts, strict=True) if part > 0]


@transaction.atomic
def make_accounts(
    world: World, stand_in_url: str, site_url: str, *, link: bool = True
) -> list[Account]:
    """Make the two practice accounts, or point them to where the stand-in is now.

    `link`: whether accounts that are made here link products of the same SKU by themselves.
    """
    accounts = []
    sellers = {company.name: company.id for company in world.sellers()}
    for index, name in enumerate(seed.SELLERS):
        account, _ = Account.objects.get_or_create(
            name=name,
            defaults={
                "host": Account.Host.STAND_IN,
                "stand_in_url": stand_in_url,
                "company_id": sellers[name],
                "company_name": name,
                "app_key": seed.APP_KEYS[index],
                "webhook_key": seed.WEBHOOK_KEYS[index],
                "key_owner": f"Demo owner {index + 1}",
                "default_facility": Facility.objects.order_by("pk").first(),
                "link_exact_skus": link,
            },
        )
        if account.stand_in_url != stand_in_url:
            account.stand_in_url = stand_in_url
            account.save(update_fields=["stand_in_url"])
        for brand_name, seller in practice_catalog.BRANDS:
            brand = Brand.objects.filter(name=brand_name).first()
            if brand and seller == index:
                AccountBrand.objects.get_or_create(brand=brand, defaults={"account": account})
        world.add_webhook(
            sellers[name],
            f"{site_url}/leaflink/webhooks/{account.webhook_id}/",
            seed.WEBHOOK_KEYS[index],
        )
        accounts.append(account)
    return accounts


def links_by_itself() -> bool:
    """Whether there is a practice account already that links products by itself."""
    return Account.objects.filter(name__in=seed.SELLERS, link_exact_skus=True).exists()


def map_staff() -> None:
    """Map the stand-in's staff to our reps, as a person would by the button."""
    map_reps.map_by_email(Staff.objects.all())
