"""Both sides act at random, answers are lost, writes land late: LeafLink never offers too much.

After each completed cycle LeafLink's available is at most what is truly free; once faults have
stopped and two cycles have passed it is exactly that, but for what rules say.
"""

import contextlib
import os
from decimal import Decimal

from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from catalog import inventory
from catalog.inventory import InventoryError
from catalog.models import Commitment
from integrations import work
from integrations.leaflink import cycle
from integrations.leaflink.due_quantities import LATE
from integrations.leaflink.models import Listing, Offer
from integrations.leaflink.sandbox.errors import SandboxError
from integrations.models import Budget, WorkItem
from orders import services
from orders.drafts import LineDraft, OrderDraft
from orders.status import IllegalMove

GOODS = 3


class StockMachine(RuleBasedStateMachine):
    """The verbs of both sides, and of bad luck."""

    bench = None  # set by the test

    def __init__(self):
        super().__init__()
        # Two goods always go to zero together here: that is not what is tested.
        self.bench.account.brake_products = self.bench.account.brake_percent = None
        self.bench.account.save()
        self.goods = [self.bench.goods(f"G{n}", on_hand=60, case=n + 1) for n in range(GOODS)]
        self.bench.ready()
        self.orders, self.direct, self.late = [], [], []

    goods_index = st.integers(0, GOODS - 1)
    amounts = st.integers(1, 15)

    # What happens here.

    @rule(index=goods_index, quantity=st.integers(1, 40))
    def receive(self, index, quantity):
        inventory.receive(self.goods[index].item, self.bench.shop, Decimal(quantity))

    @rule(index=goods_index, quantity=st.integers(1, 20))
    def lose(self, index, quantity):
        goods = self.goods[index]
        if self.bench.free(goods) >= quantity:
            inventory.adjust(goods.item, self.bench.shop, Decimal(-quantity), reason="lost")

    @rule(index=goods_index, quantity=amounts)
    def sell_directly(self, index, quantity):
        line = LineDraft(self.goods[index].item, "x", "x", Decimal(quantity), 1, Decimal(1))
        draft = OrderDraft(self.bench.account.created_at, [line], facility=self.bench.shop)
        with contextlib.suppress(InventoryError):
            self.direct.append(services.create(draft))

    @precondition(lambda self: self.direct)
    @rule(data=st.data(), verb=st.sampled_from(["allocate", "ship", "cancel"]))
    def work_directly(self, data, verb):
        self._do(data.draw(st.sampled_from(self.direct)), verb)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), verb=st.sampled_from(["allocate", "deallocate", "ship", "cancel"]))
    def act_here(self, data, verb):
        order = data.draw(st.sampled_from(self.orders))
        mirror = self.bench.account.orders.filter(number=order.number).first()
        if mirror and mirror.sales_order:
            self._do(mirror.sales_order, verb)

    def _do(self, order, verb):
        options = {"reason": "x"} if verb == "cancel" else {}
        with contextlib.suppress(IllegalMove, InventoryError):
            getattr(services, verb)(order, **options)

    @rule(index=goods_index, units=st.one_of(st.none(), st.integers(0, 30)))
    def keep_back(self, index, units):
        self._offer(index, safety_units=units, safety_percent=None)

    @rule(index=goods_index, percent=st.integers(0, 100))
    def keep_back_a_share(self, index, percent):
        self._offer(index, safety_units=None, safety_percent=percent)

    @rule(index=goods_index, most=st.one_of(st.none(), st.integers(0, 50)))
    def cap(self, index, most):
        self._offer(index, most_shown=most)

    @rule(index=goods_index, pause=st.sampled_from(["", "", "at_zero"]))
    def pause(self, index, pause):
        self._offer(index, pause=pause)

    def _offer(self, index, **values):
        offer = Offer.objects.get(item=self.goods[index].item)
        for name, value in values.items():
            setattr(offer, name, value)
        offer.save(update_fields=list(values))

    # What happens in LeafLink.

    @rule(index=goods_index, quantity=amounts, with_rep=st.booleans())
    def buy(self, index, quantity, with_rep):
        goods = self.goods[index]
        lines = [self.bench.line(goods, quantity * (index + 1))]
        reps = [self.bench.dana.id] if with_rep else []
        with contextlib.suppress(SandboxError):
            self.orders.append(self.bench.order(*lines, sales_rep_ids=reps))

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), quantity=amounts)
    def edit(self, data, quantity):
        order = data.draw(st.sampled_from(self.orders))
        ids = [goods.remote.id for goods in self.goods]
        index = ids.index(order.lines[0].product_id)
        lines = [self.bench.line(self.goods[index], quantity * (index + 1))]
        with contextlib.suppress(SandboxError):
            self.bench.world.edit_order(order.number, lines)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), action=st.sampled_from(["accept", "fulfill", "reject", "cancel"]))
    def act_in_leaflink(self, data, action):
        order = data.draw(st.sampled_from(self.orders))
        with contextlib.suppress(SandboxError):
            by = "buyer" if action == "cancel" else "seller"
            self.bench.world.transition(order.number, action, by=by)

    @rule(index=goods_index, quantity=st.integers(0, 200))
    def type_a_number_in_leaflink(self, index, quantity):
        self.bench.world.set_quantity(self.goods[index].remote.id, str(quantity))

    # Bad luck.

    @rule(fault=st.sampled_from(["reset-after", "reset-before", "500", "429"]))
    def lose_an_answer(self, fault):
        self.bench.faults.next(fault, method="PATCH")

    @rule(index=goods_index)
    def a_write_gets_stuck_on_its_way(self, index):
        """The number of now is written, never answered, and lands whenever the network likes."""
        goods = self.goods[index]
        listing = self.bench.listing(goods)
        if listing.last_sent is None:
            return
        quantity = listing.last_sent
        # As push leaves it when the connection breaks.
        Listing.objects.filter(pk=listing.pk).update(last_sent=None, unsettled_at=timezone.now())
        self.late.append((goods, quantity))

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def it_lands_at_last(self, data):
        landed = data.draw(st.sampled_from(self.late))
        self.late.remove(landed)
        goods, quantity = landed
        self.land(goods, quantity)

    def land(self, goods, quantity):
        """It is there, and LeafLink tells nobody."""
        self.bench.world.products[goods.remote.id].quantity = Decimal(quantity)

    @rule()
    def webhooks(self):
        self._forgive_the_budget()
        self.bench.settle()

    @rule()
    def a_worker(self):
        self._forgive_the_budget()
        WorkItem.objects.update(not_before=timezone.now())
        work.drain()

    @rule()
    def poll(self):
        self._forgive_the_budget()
        self.bench.sync("orders")

    @rule(hand_over=st.booleans())
    def cycle(self, hand_over):
        self._forgive_the_budget()
        cycle.run_cycle(self.bench.account, ["inventory"], hand_over=hand_over)
        self._calm()
        # Numbers typed or landed in LeafLink are known once its products were read.
        self.bench.sync("products")
        self.bench.sync("inventory")
        for goods in self.goods:
            assert self.bench.available(goods) <= self.truly_free(goods)

    def teardown(self):
        """Faults stop; after two cycles both sides say the same."""
        self._calm()
        for goods, quantity in self.late:
            self.land(goods, quantity)
        past = timezone.now() - 2 * LATE
        Listing.objects.filter(unsettled_at__isnull=False).update(unsettled_at=past)
        for _ in range(2):
            self.bench.settle()
            self.bench.sync("products", "inventory")
        for goods in self.goods:
            assert self.bench.available(goods) == self.shown(goods)
        assert not Listing.objects.filter(unsettled_at__isnull=False).exists()
        assert not Listing.objects.filter(sending__isnull=False).exists()
        assert not WorkItem.objects.filter(error_class="unexpected").exists()

    def _calm(self):
        self.bench.faults._planned.clear()
        self._forgive_the_budget()

    def _forgive_the_budget(self):
        Budget.objects.update(paused_until=None)

    # What should be there.

    def claims(self, goods):
        """What LeafLink's orders claim that is not committed to them here."""
        return sum(max(self.reserved(o, goods) - self.committed(o, goods), 0) for o in self.orders)

    def truly_free(self, goods):
        return max(self.bench.free(goods), Decimal(0)) - self.claims(goods)

    def shown(self, goods):
        """Exactly what buyers should see: what is free, less what the rules keep from them."""
        offer = Offer.objects.get(item=goods.item)
        on_hand = inventory.levels([goods.item.pk])[goods.item.pk].on_hand
        kept = offer.safety_units or Decimal(0)
        if offer.safety_percent is not None:
            kept = (on_hand * offer.safety_percent / 100).__ceil__()
        sellable = max(self.bench.free(goods) - kept, Decimal(0))
        if offer.most_shown is not None:
            sellable = min(sellable, offer.most_shown)
        if offer.pause:
            sellable = Decimal(0)
        return sellable - self.claims(goods)

    def reserved(self, order, goods):
        order = self.bench.world.order(order.number)
        if order.status not in ("Submitted", "Accepted"):
            return Decimal(0)
        return sum(x.quantity for x in order.lines if x.product_id == goods.remote.id)

    def committed(self, order, goods):
        rows = Commitment.objects.filter(
            item=goods.item, order_line__order__leaflink_order__number=order.number
        )
        return sum(row.quantity for row in rows)


def test_leaflink_never_offers_more_than_is_free_whatever_happens(machine_on, settings):
    # One request at a time: which of several meets a fault must not depend on threads.
    settings.LEAFLINK_REQUESTS_AT_ONCE = 1
    run_state_machine_as_test(
        machine_on(StockMachine),
        settings=hypothesis_settings(
            max_examples=int(os.environ.get("STATE_MACHINE_EXAMPLES", "10")),
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
