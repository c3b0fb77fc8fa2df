"""The practice world: the same each time, with each special case as often as promised."""

from collections import Counter
from decimal import Decimal

import pytest

from integrations.leaflink.sandbox import practice_catalog, seed, stock
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
