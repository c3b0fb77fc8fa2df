"""What we send about products, against LeafLink's own OpenAPI file."""

from decimal import Decimal

import pytest

from tests.leaflink.sandbox.test_contract import SPEC_FILE, account, complaints

pytestmark = pytest.mark.skipif(
    not SPEC_FILE.exists(), reason=f"LeafLink's OpenAPI file is not at {SPEC_FILE}."
)


@pytest.mark.django_db
def test_details_prices_and_new_products_are_sent_as_the_specification_says(account):
    from catalog.models import Item
    from integrations import work
    from integrations.leaflink import create_product, cycle
    from integrations.leaflink.models import Account, ListEntry, Listing, Offer

    account, world = account
    Account.objects.update(push_details=True, sync_prices=True, external_id_key="leafbridge")
    account.refresh_from_db()
    cycle.run_cycle(account, ["products"])
    entries = {(entry.list, entry.name): entry for entry in ListEntry.objects.all()}
    by_case = Listing.objects.filter(item__case_size=12).select_related("item")
    listing = by_case.order_by("pk").first()
    Item.objects.filter(pk=listing.item_id).update(
        name="Fresh", description="<b>Fresh</b>", wholesale_price=Decimal(7), case_size=6
    )
    Item.objects.filter(pk=listing.item_id).update(retail_price=9, sale_price=Decimal("6.5"))
    Offer.objects.filter(item=listing.item_id).update(
        category=entries["category", "Edibles"],
        subcategory=entries["subcategory", "Chocolates"],
        license=next(e for e in entries.values() if e.list == "license"),
        strain=next(e for e in entries.values() if e.list == "strain"),
        strain_classification="sativa",
        minimum_order=Decimal("0.5"),
        maximum_order=Decimal(1000),
        show_quantity=True,
        mode="unlimited",
        sku="FRESH-1",
    )
    item = Item.objects.create(sku="NEW-9", name="New", brand=listing.item.brand, wholesale_price=3)
    Offer.objects.create(
        item=item,
        enabled=True,
        category=entries["category", "Edibles"],
        subcategory=entries["subcategory", "Gummies"],
    )
    cycle.run_cycle(account, ["products"])
    create_product.ask_for(item)
    work.drain()
    assert [line for request in world.requests for line in complaints(request)] == []
    sent = {request.method: request.body for request in world.requests if request.body}
    assert {"name", "sub_category", "wholesale_price", "unit_multiplier"} <= set(sent["PATCH"])
    assert {"seller", "seller_internal_id", "external_ids", "quantity"} <= set(sent["POST"])
    assert Listing.objects.get(item=item).product.sku == "NEW-9"
    assert Listing.objects.get(pk=listing.pk).standing == "in_step"
