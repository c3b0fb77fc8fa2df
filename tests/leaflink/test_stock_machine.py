"""Both sides act at random; after each completed cycle LeafLink offers exactly what is free."""

import contextlib
import os
from decimal import Decimal

from hypothesis import HealthCheck, settings
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
from integrations.leaflink import cycle
from integrations.leaflink.sandbox.errors import SandboxError
from orders import services
from orders.status import IllegalMove


class StockMachine(RuleBasedStateMachine):
    """Both sides act at random; after each completed cycle LeafLink offers exactly what is free."""

    bench = None  # set by the test

    def __init__(self):
        super().__init__()
        self.goods = [self.bench.goods(f"G{n}", on_hand=60, case=n + 1) for n in range(2)]
        self.bench.ready()
        self.orders = []

    goods_index = st.integers(0, 1)
    amounts = st.integers(1, 15)

    @rule(index=goods_index, quantity=st.integers(1, 40))
    def receive(self, index, quantity):
        inventory.receive(self.goods[index].item, self.bench.shop, Decimal(quantity))

    @rule(index=goods_index, quantity=st.integers(1, 20))
    def lose(self, index, quantity):
        goods = self.goods[index]
        if self.bench.free(goods) >= quantity:
            inventory.adjust(goods.item, self.bench.shop, Decimal(-quantity), reason="lost")

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
        index = next(n for n in (0, 1) if order.lines[0].product_id == self.goods[n].remote.id)
        lines = [self.bench.line(self.goods[index], quantity * (index + 1))]
        with contextlib.suppress(SandboxError):
            self.bench.world.edit_order(order.number, lines)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), action=st.sampled_from(["accept", "fulfill", "reject", "cancel"]))
    def act_in_leaflink(self, data, action):
        order = data.draw(st.sampled_from(self.orders))
        try:
            by = "buyer" if action == "cancel" else "seller"
            self.bench.world.transition(order.number, action, by=by)
        except SandboxError:
            pass

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), verb=st.sampled_from(["allocate", "deallocate", "ship", "cancel"]))
    def act_here(self, data, verb):
        order = data.draw(st.sampled_from(self.orders))
        mirror = self.bench.account.orders.filter(number=order.number).first()
        if not mirror or not mirror.sales_order:
            return
        options = {"reason": "x"} if verb == "cancel" else {}
        with contextlib.suppress(IllegalMove, InventoryError):
            getattr(services, verb)(mirror.sales_order, **options)

    @rule(fault=st.sampled_from(["reset-after", "reset-before", "500"]))
    def lose_an_answer(self, fault):
        self.bench.faults.next(fault, method="PATCH")

    @rule()
    def webhooks(self):
        self.bench.settle()

    @rule()
    def poll(self):
        self.bench.sync("orders")

    @rule()
    def cycle(self):
        cycle.run_cycle(self.bench.account, ["inventory"])
        self.bench.faults._planned.clear()
        self.bench.sync("inventory")
        for goods in self.goods:
            assert self.bench.available(goods) == self.really_free(goods)

    def really_free(self, goods):
        """Free here, less what LeafLink's orders claim that is not committed to them here."""
        claims = sum(
            max(self.reserved(o, goods) - self.committed(o, goods), 0) for o in self.orders
        )
        return max(self.bench.free(goods), Decimal(0)) - claims

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


def test_leaflink_offers_exactly_what_is_free_whatever_happens(machine_on):
    run_state_machine_as_test(
        machine_on(StockMachine),
        settings=settings(
            max_examples=int(os.environ.get("STATE_MACHINE_EXAMPLES", "25")),
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )
