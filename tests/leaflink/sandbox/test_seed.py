"""The practice world: the same each time, with each special case as often as promised."""

from collections import Counter
from decimal import Decimal

import pytest

from integrations.leaflink.sandbox import practice_catalog, seed, stock
from integrations.leaflink.sandbox.categories import SUBCATEGORIES
from integrations.leaflink.sandbox.world import World


def built(**options):
    world = World()
    seed.build(world, **options)
    return world


def test_the_same_seed_gives_the_same_world():
    first, second = built(), built()
    assert list(first.orders) == list(second.orders)
    assert [p.sku for p in first.products.values()] == [p.sku for p in second.products.values()]
    assert practice_catalog.catalog(40, 1) == seed.catalog(40, 1)
    assert practice_catalog.catalog(40, 1) != seed.catalog(40, 2)


def test_building_again_changes_nothing():
    world = built()
    orders = list(world.orders)
    seed.build(world)
    assert list(world.orders) == orders
    assert len(world.sellers()) == 2


@pytest.mark.parametrize("items", [10, 40, 300])
def test_a_catalog_can_be_linked_by_sku(items):
    catalog = practice_catalog.catalog(items, 1)
    skus = {item.sku for item in catalog}
    assert len(catalog) == len(skus) == items
    assert len({item.name for item in catalog}) == items
    assert {item.seller for item in catalog} == {0, 1}
    assert all(item.wholesale_price > 0 and item.on_hand > 0 for item in catalog)
    for item in catalog:
        case = item.wholesale_price * item.case_size
        assert case == case.quantize(Decimal("0.01"))
    names = [p.sku for p in built(items=items, orders=0).products.values()]
    assert len(set(names) - skus) == 3
    assert skus <= set(names)


def test_the_people():
    assert len(seed.RETAILERS) == 12
    assert sum(1 for r in seed.RETAILERS if not r.license_number) == 1
    assert max(Counter(r.name for r in seed.RETAILERS).values()) == 2
    assert len(seed.STAFF) == 6
    assert sum(1 for person in seed.STAFF if not person.mapped) == 2
    assert len(seed.FACILITIES) == 3


@pytest.mark.parametrize("orders", [25, 120])
def test_each_special_case_is_there_once(orders):
    world = built(orders=orders)
    rows = list(world.orders.values())
    assert len(rows) == orders
    states = Counter(o.status for o in rows)
    assert states == {
        "Submitted": orders - 5,
        "Combined": 2,
        "Rejected": 1,
        "Cancelled": 1,
        "Accepted": 1,
    }
    strangers = {p.id for p in world.staff.values() if p.name in ("Jess Novak", "Lena Fox")}
    assert sum(1 for o in rows if set(o.sales_rep_ids) & strangers) == 2
    assert sum(1 for o in rows if o.is_combination) == 1
    assert sum(1 for o in rows if o.tax_rate == 15) == 1
    assert sum(1 for o in rows if o.discount and o.discount_type == "%") == 1
    assert sum(1 for o in rows if o.discount and o.discount_type == "$") == 1
    assert sum(1 for o in rows if o.credits) == 1
    assert sum(1 for o in rows if o.shipping) == 1
    assert sum(1 for o in rows if o.classification == "Medical") == 1
    assert sum(1 for o in rows if any(line.price < 0 for line in o.lines)) == 1
    assert sum(1 for o in rows if any(line.sale_price > 0 for line in o.lines)) == 1
    assert sum(1 for o in rows if any(line.is_sample for line in o.lines)) == 1
    assert {o.seller_id for o in rows} == {company.id for company in world.sellers()}


@pytest.mark.parametrize(("items", "orders"), [(10, 25), (40, 25), (40, 300)])
def test_all_but_one_order_fit_our_own_stock_together(items, orders):
    world = built(items=items, orders=orders)
    ours = {item.sku: item.on_hand for item in practice_catalog.catalog(items, 1)}
    held = Counter()
    for order in world.orders.values():
        if order.status in stock.RESERVING_STATUSES:
            for line in order.lines:
                held[line.product_sku] += line.quantity
    over = [sku for sku, units in held.items() if sku in ours and units > ours[sku]]
    assert len(over) == 1


@pytest.mark.parametrize("orders", [0, 1, 2, 5, 12, 15])
def test_few_orders_leave_special_cases_out(orders):
    assert len(built(items=10, orders=orders).orders) == orders


def test_more_orders_than_the_stock_can_bear_are_refused():
    with pytest.raises(ValueError, match="too little stock"):
        built(items=10, orders=5000)


@pytest.mark.parametrize("items", [10, 40, 300])
def test_every_product_has_what_leaflink_knows_of_one(items):
    world = built(items=items, orders=0)
    wanted = {item.sku: item for item in practice_catalog.catalog(items, 1)}
    for product in world.products.values():
        details = product.details
        assert SUBCATEGORIES[details["sub_category"]][1] == details["category"]
        assert details["license"] == world.companies[product.seller_id].license_id
        if product.sku in wanted:
            line = world.product_lines[details["product_line"]]
            strain = world.strains[details["strains"][0]]
            item = wanted[product.sku]
            assert (line.brand_id, line.name) == (product.brand_id, item.product_line)
            assert (strain.company_id, strain.name) == (product.seller_id, item.strain)
            assert strain.classification == item.strain_classification
    lines = [(line.brand_id, line.name) for line in world.product_lines.values()]
    strains = [(strain.company_id, strain.name) for strain in world.strains.values()]
    assert (
        len(set(lines)) == len(lines) == len({(i.brand, i.product_line) for i in wanted.values()})
    )
    assert len(set(strains)) == len(strains) == len({(i.seller, i.strain) for i in wanted.values()})


@pytest.mark.parametrize(("items", "missing", "misspelt"), [(10, 1, 2), (40, 2, 5), (400, 20, 50)])
def test_a_varied_world_lacks_some_products_and_spells_some_otherwise(items, missing, misspelt):
    ours = practice_catalog.catalog(items, 1)
    theirs = practice_catalog.typed_anew(ours, 1)
    assert theirs == practice_catalog.typed_anew(ours, 1)
    assert len(theirs) == items - missing
    skus, names = {item.sku for item in ours}, {item.name for item in ours}
    other = [item for item in theirs if item.sku not in skus]
    assert len(other) == misspelt
    assert all(item.name not in names for item in other)
    assert all(item in ours for item in theirs if item not in other)
    assert len({item.sku for item in theirs}) == len({item.name for item in theirs}) == len(theirs)
    world = built(items=items, orders=0, varied=True)
    made = [product.sku for product in world.products.values()]
    assert made[: len(theirs)] == [item.sku for item in theirs]
    assert len(made) == len(theirs) + seed.UNLINKABLE


def test_how_names_are_spelt_otherwise():
    ours = {int(item.sku[-4:]): item for item in practice_catalog.catalog(40, 1)}
    theirs = practice_catalog.typed_anew(list(ours.values()), 1)
    changed = {item.sku: item.name for item in theirs if item not in ours.values()}
    assert changed == {
        "ROS-11": "Trailhead Gummies Alpine Haze Live Rosin 1g",
        "CHO-14": "Chocolate Bar Alpine Haze",
        "ROS-18": "Granite Kush Live Rosin 1 g",
        "EIG-24": "Eighth 3.5g Wild Columbine",
        "EIG-31": "Night Train Eighth 3.5 g",
    }
