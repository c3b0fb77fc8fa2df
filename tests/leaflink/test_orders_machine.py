"""Buyers, sellers and our own people act at random, webhooks get lost, doubled and reordered.

After one poll: each LeafLink order exactly once here, with the right lines and money (or waiting
visibly for a person), and promises of stock equal to what open lines still need.
"""

import contextlib
import os
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from catalog import inventory
from catalog.inventory import InventoryError
from catalog.models import Commitment
from integrations import work
from integrations.leaflink import decide_orders
from integrations.leaflink.connect import client_for
from integrations.leaflink.decide_orders import CannotDecide
from integrations.leaflink.models import Order
from integrations.leaflink.pull_orders import CHILDREN
from integrations.leaflink.sandbox import pricing
from integrations.leaflink.sandbox.errors import SandboxError
from orders import services
from orders.models import SalesOrder
from orders.status import OPEN, IllegalMove

ENDED = ("Rejected", "Cancelled", "Combined")
WANTED = ("Submitted", "Accepted")


class OrderMachine(RuleBasedStateMachine):
    bench = None  # set by the test

    def __init__(self):
        super().__init__()
        bench = self.bench
        self.goods = [bench.goods("ONE", on_hand=80), bench.goods("SIX", on_hand=120, case=6)]
        self.stray = bench.goods("STRAY", on_hand=50)
        self.lena = bench.world.add_staff(bench.seller.id, "Lena Fox", "lena@peak.example")
        bench.account.link_exact_skus = True
        bench.account.save()
        bench.ready()
        bench.account.link_exact_skus = False
        bench.account.save()
        for goods in (*self.goods, self.stray):
            bench.world.set_quantity(goods.remote.id, "300")
        self.unlinked = bench.world.add_product(
            bench.seller.id, name="Unlinked", sku="NEW", quantity="300"
        )
        self.orders = []
        self.old_bodies = []

    amounts = st.integers(1, 12)

    def lines(self, data):
        rows = []
        for index, amount in data.draw(
            st.lists(st.tuples(st.integers(0, 1), self.amounts), min_size=1, max_size=3)
        ):
            goods = self.goods[index]
            price = data.draw(st.sampled_from([None, "7.35", "12.00"]))
            more = {"price": price} if price else {}
            rows.append(self.bench.line(goods, amount * goods.item.case_size, **more))
        return rows

    @rule(
        data=st.data(),
        rep=st.sampled_from(["dana"] * 6 + ["none", "lena", "both"]),
        extra=st.sampled_from([""] * 5 + ["discount line", "unlinked", "sample"]),
        then_polled=st.booleans(),
        shipping=st.sampled_from(["0", "9.99"]),
        discount=st.sampled_from([("0", "$"), ("5", "%"), ("3.33", "$")]),
    )
    def buy(self, data, rep, extra, then_polled, shipping, discount):
        dana, lena = self.bench.dana.id, self.lena.id
        lines = self.lines(data)
        if extra == "discount line":
            lines.append({**self.bench.line(self.goods[0], 1), "price": "-1.50"})
        if extra == "unlinked":
            lines.append({"product_id": self.unlinked.id, "quantity": 2})
        if extra == "sample":
            lines.append(self.bench.line(self.goods[0], 1, price="0.01", is_sample=True))
        reps = {"dana": [dana], "none": [], "lena": [lena], "both": [dana, lena]}[rep]
        with contextlib.suppress(SandboxError):
            order = self.bench.order(
                *lines,
                sales_rep_ids=reps,
                shipping=shipping,
                discount=discount[0],
                discount_type=discount[1],
            )
            self.orders.append(order.number)
            if then_polled:
                self.poll()

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), what=st.sampled_from(["lines", "notes", "one line", "price"]))
    def edit(self, data, what):
        order = self.bench.world.order(data.draw(st.sampled_from(self.orders)))
        with contextlib.suppress(SandboxError):
            if what == "lines":
                self.bench.world.edit_order(order.number, self.lines(data))
            elif what == "notes":
                note = data.draw(st.sampled_from(["Ring twice", "🌿 back door"]))
                self.bench.world.edit_order(order.number, notes=note)
            else:
                change = {"price": "6.66"} if what == "price" else {"quantity": 6}
                rows = [
                    {"id": x.id, "product_id": x.product_id, "quantity": str(x.quantity)}
                    for x in order.lines
                ]
                rows[0].update(change)
                self.bench.world.edit_order(order.number, rows)

    @precondition(lambda self: self.orders)
    @rule(
        data=st.data(), action=st.sampled_from(["accept", "accept", "fulfill", "reject", "cancel"])
    )
    def act_in_leaflink(self, data, action):
        by = "buyer" if action == "cancel" else "seller"
        with contextlib.suppress(SandboxError):
            self.bench.world.transition(data.draw(st.sampled_from(self.orders)), action, by=by)

    @precondition(lambda self: len(self.orders) > 1)
    @rule(data=st.data())
    def combine(self, data):
        some = data.draw(st.lists(st.sampled_from(self.orders), min_size=2, max_size=3))
        with contextlib.suppress(SandboxError):
            self.orders.append(self.bench.world.combine_orders(list(dict.fromkeys(some))).number)

    @precondition(lambda self: SalesOrder.objects.exists())
    @rule(
        data=st.data(),
        verbs=st.sampled_from(
            [["allocate"], ["allocate"], ["allocate", "ship"], ["deallocate"], ["cancel"]]
        ),
    )
    def act_here(self, data, verbs):
        local = data.draw(st.sampled_from(list(SalesOrder.objects.order_by("pk"))))
        for verb in verbs:
            options = {"reason": "x"} if verb == "cancel" else {}
            with contextlib.suppress(IllegalMove, InventoryError):
                getattr(services, verb)(local, **options)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), choice=st.sampled_from(["take", "keep", "anyway"]))
    def decide(self, data, choice):
        number = data.draw(st.sampled_from(self.orders))
        mirror = Order.objects.filter(number=number).first()
        if mirror is None:
            return
        with contextlib.suppress(CannotDecide):
            if choice == "take":
                decide_orders.take_leaflinks(mirror.pk, by=None)
            elif choice == "keep" and mirror.state == "conflict":
                decide_orders.keep_ours(mirror.pk, by=None)
            elif choice == "anyway":
                decide_orders.import_anyway(mirror.pk, "Harvest tonight", by=None)

    @rule()
    def map_everybody(self):
        self.bench.map_dana()

    @rule(quantity=st.integers(1, 30))
    def receive(self, quantity):
        inventory.receive(self.goods[0].item, self.bench.shop, Decimal(quantity))

    @rule(data=st.data())
    def webhooks(self, data):
        """Some arrive, in any order, some twice, the others never."""
        waiting = self.bench.hooks.pending
        if waiting:
            self.bench.hooks.pending = data.draw(
                st.lists(st.sampled_from(waiting), max_size=len(waiting) + 2)
            )
            self.bench.settle()

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def remember_an_answer(self, data):
        client = client_for(self.bench.account)
        number = data.draw(st.sampled_from(self.orders))
        body = client.get(f"orders-received/{number}", include_children=CHILDREN)
        self.old_bodies.append(body)

    @precondition(lambda self: self.old_bodies)
    @rule(data=st.data())
    def an_old_answer_comes_late(self, data):
        body = data.draw(st.sampled_from(self.old_bodies))
        assert self.bench.take_in(body)[1] == {}

    @invariant()
    def promises_are_what_open_lines_need(self):
        for local in SalesOrder.objects.prefetch_related("lines__commitment"):
            lines = list(local.lines.all())
            promised = sum(x.commitment.quantity for x in lines if x.commitment)
            needed = sum(x.quantity for x in lines if x.item_id) if local.status in OPEN else 0
            assert promised == needed, (local, local.status)
        assert not Commitment.objects.filter(order_line__isnull=True).exists()

    @rule()
    def poll(self):
        self.bench.sync("orders")
        work.drain()
        self.check()

    def check(self):
        numbers = sorted(str(n) for n in Order.objects.values_list("number", flat=True))
        assert numbers == sorted(self.bench.world.orders)
        mirrors = Order.objects.select_related("sales_order").prefetch_related("blockers")
        assert SalesOrder.objects.count() == mirrors.filter(sales_order__isnull=False).count()
        for mirror in mirrors:
            self.check_order(mirror, self.bench.world.order(str(mirror.number)))

    def check_order(self, mirror, remote):
        total = pricing.totals(remote).total
        assert (mirror.status, mirror.total) == (remote.status, total)
        local = mirror.sales_order
        if mirror.state == "held":
            assert local is None
            assert remote.status in WANTED
            assert mirror.blockers.count() >= 1
        elif local is None:
            assert mirror.state in ("ignored", "conflict", "waiting")
            assert mirror.state_reason
            assert remote.status not in WANTED
        elif remote.status in ENDED:
            assert (local.status == "canceled") == (mirror.state == "imported"), mirror.state_reason
        elif mirror.state == "imported" and local.status != "canceled":
            if mirror.state_reason:
                assert mirror.kept_fingerprint
                return
            theirs = [
                (x.quantity, x.sale_price or x.price, x.unit_multiplier, x.is_sample)
                for x in remote.lines
                if x.price >= 0
            ]
            ours = local.lines.values_list("quantity", "price", "case_size", "is_sample")
            assert list(ours) == theirs
            assert local.total == total
            assert local.notes_for_buyer == (remote.notes or "")
            assert local.discounts.filter(kind="line").count() == len(remote.lines) - len(theirs)

    def teardown(self):
        self.poll()
        self.poll()


def test_every_order_is_here_once_and_right_after_a_poll_whatever_happened(machine_on):
    run_state_machine_as_test(
        machine_on(OrderMachine),
        settings=settings(
            max_examples=int(os.environ.get("STATE_MACHINE_EXAMPLES", "10")),
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
