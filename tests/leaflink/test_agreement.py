"""Properties of links, fields and prices, whatever both sides do in whatever order."""

import contextlib
import os
from collections import Counter
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from integrations.leaflink import compare_listings, link
from integrations.leaflink.mapping.prices import per_base_unit, per_selling_unit
from integrations.leaflink.mapping.product_fields import (
    BY_NAME,
    FIELDS,
    IDENTITY,
    MOVED,
    Decision,
    Owner,
    Rules,
    decide,
    is_ours,
)
from integrations.leaflink.models import Listing, Offer, Product

prices = st.decimals(min_value=0, max_value=Decimal("99999.99"), places=2)
values = st.sampled_from(["a", "b", "c", 1, 2, None, True])
rules = st.builds(Rules, details=st.booleans(), prices=st.booleans(), stock=st.booleans())


@given(prices, st.integers(min_value=1, max_value=9_999))
def test_a_price_per_case_comes_back_to_the_cent(price, case_size):
    unit = per_base_unit(price, case_size)
    assert unit is not None
    assert per_selling_unit(unit, case_size) == price


@given(prices, st.integers(min_value=10_000, max_value=10**9))
def test_where_it_would_not_it_is_said(price, case_size):
    unit = per_base_unit(price, case_size)
    assert unit is None or per_selling_unit(unit, case_size) == price


@given(st.sampled_from(FIELDS), values, values, st.tuples(values, values) | st.none(), rules)
def test_a_field_the_rules_do_not_own_is_never_sent_nor_taken(field, ours, theirs, agreed, rules):
    what = decide(field, ours, theirs, agreed, rules)
    if what in (Decision.SEND, Decision.TAKE, Decision.CONFLICT):
        assert is_ours(field, rules)
        assert ours != theirs
    if what in (Decision.TAKE, Decision.CONFLICT):
        assert field.owner is Owner.PRICES
    if what is Decision.MOVED_THERE:
        assert is_ours(field, rules) or field.name in IDENTITY
    if field.owner is Owner.CREATION:
        assert what in (Decision.AGREES, Decision.DIFFERS)


@given(st.sampled_from(FIELDS), values, values, rules)
def test_what_was_agreed_is_no_news_on_either_side(field, ours, theirs, rules):
    assert decide(field, ours, theirs, (ours, theirs), rules) in (
        Decision.AGREES,
        Decision.DIFFERS,
    )


@given(st.sampled_from(FIELDS), values, values, rules)
def test_a_persons_choice_is_done(field, ours, theirs, rules):
    if ours == theirs or not is_ours(field, rules):
        return
    assert decide(field, ours, theirs, (MOVED, theirs), rules) is Decision.SEND
    kept = decide(field, ours, theirs, (ours, MOVED), rules)
    assert kept is (Decision.TAKE if field.owner is Owner.PRICES else Decision.MOVED_THERE)


class Linking(RuleBasedStateMachine):
    """Two items, three products; people link, unlink, edit; both sides are read at any time."""

    goods = ()

    @initialize(details=st.booleans(), prices=st.booleans())
    def begin(self, details, prices):
        account = self.bench.account
        account.link_exact_skus = False
        account.push_details, account.sync_prices = details, prices
        account.save()
        self.goods = [
            self.bench.goods(f"S{n}", on_hand=10, case=12, price="96.00") for n in range(2)
        ]
        self.bench.world.add_product(self.bench.seller.id, name="Third", sku="S9")
        self.bench.sync("products")

    @rule(item=st.integers(0, 1), product=st.integers(0, 2))
    def link(self, item, product):
        products = list(Product.objects.order_by("remote_id"))
        fresh = type(self.goods[item].item).objects.get(pk=self.goods[item].item.pk)
        with contextlib.suppress(link.LinkError):
            link.link(fresh, products[product])

    @rule(item=st.integers(0, 1))
    def unlink(self, item):
        listing = Listing.objects.filter(item=self.goods[item].item).first()
        if listing:
            link.unlink(listing)

    @rule()
    def link_exact(self):
        link.link_exact_skus(self.bench.account)

    @rule(item=st.integers(0, 1), name=st.sampled_from(["One", "Two"]))
    def rename_here(self, item, name):
        type(self.goods[item].item).objects.filter(pk=self.goods[item].item.pk).update(name=name)

    @rule(item=st.integers(0, 1), cents=st.integers(0, 100_000))
    def price_here(self, item, cents):
        type(self.goods[item].item).objects.filter(pk=self.goods[item].item.pk).update(
            wholesale_price=Decimal(cents) / 100
        )

    @rule(product=st.integers(0, 2), cents=st.integers(0, 100_000))
    def price_there(self, product, cents):
        pk = sorted(self.bench.world.products)[product]
        self.bench.world.edit_product(pk, wholesale_price=Decimal(cents) / 100)

    @rule(product=st.integers(0, 2), name=st.sampled_from(["There", "Elsewhere"]))
    def rename_there(self, product, name):
        pk = sorted(self.bench.world.products)[product]
        self.bench.world.edit_product(pk, name=name)

    @rule(fault=st.sampled_from(["", "reset-before", "reset-after"]))
    def sync(self, fault):
        if fault:
            self.bench.faults.next(fault, method="PATCH", path="products")
        self.bench.sync("products")

    @rule()
    def settle_all(self):
        """A person decides whatever waits."""
        for listing in Listing.objects.all():
            names = [row["field"] for row in listing.differences]
            compare_listings.keep_theirs(self.bench.account, {listing.pk: names})

    @invariant()
    def one_partner_each(self):
        rows = Listing.objects.values_list("item", "product")
        for side in zip(*rows, strict=True):
            assert max(Counter(side).values()) == 1
        linked = Offer.objects.filter(item__listing__isnull=False)
        assert all(linked.values_list("enabled", flat=True))

    @invariant()
    def only_what_the_rules_own_was_sent(self):
        account = self.bench.account
        allowed = Rules(account.push_details, account.sync_prices, account.push_inventory)
        for request in self.bench.world.requests:
            if request.method == "PATCH":
                for name in set(request.body) - {"quantity", "sell_in_unit_of_measure"}:
                    assert is_ours(BY_NAME[name], allowed), request.body
                assert "listing_state" not in request.body
        self.bench.world.requests.clear()

    def teardown(self):
        """Left alone, both sides come to rest: after two more readings nothing is sent."""
        # Trouble that was planned and met no request must not come now.
        self.bench.faults._planned.clear()
        self.bench.sync("products", full=True)
        self.bench.sync("products", full=True)
        self.bench.world.requests.clear()
        before = {p.id: (p.name, p.wholesale_price) for p in self.bench.world.products.values()}
        self.bench.sync("products", full=True)
        after = {p.id: (p.name, p.wholesale_price) for p in self.bench.world.products.values()}
        assert before == after
        assert [r for r in self.bench.world.requests if r.method == "PATCH"] == []


def test_links_and_fields_stay_sound_whatever_happens(machine_on):
    run_state_machine_as_test(
        machine_on(Linking),
        settings=settings(
            max_examples=int(os.environ.get("STATE_MACHINE_EXAMPLES", "10")),
            stateful_step_count=15,
            suppress_health_check=list(HealthCheck),
        ),
    )
