"""The whole life of orders with both sides acting at random, people in LeafLink by hand included,
answers lost and errors on the wire.

When they stop, after two cycles both sides agree or the difference is on the conflicts page; each
payment is in LeafLink once; stock is what its ledger sums to.
"""

import contextlib
import os
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from catalog.inventory import InventoryError
from catalog.models import Commitment, Movement, Stock
from integrations import work
from integrations.leaflink import cycle, decide_orders, push_payments, unsync_orders
from integrations.leaflink.admin.conflicts import choices_of
from integrations.leaflink.decide_orders import CannotDecide
from integrations.leaflink.mapping.payment_terms import NAMES
from integrations.leaflink.mapping.status_rules import PRESETS, next_step, target
from integrations.leaflink.models import Order, OrderPayment, Staff
from integrations.leaflink.sandbox import payment_terms
from integrations.leaflink.sandbox.errors import SandboxError
from orders import payments, services
from orders.models import Payment, SalesOrder
from orders.status import OPEN, IllegalMove

TERMS = ("Net 7", "Net 30", "COD")
CODES = ("net7", "net30", "cod")
DAYS = (date(2026, 12, 3), date(2026, 12, 9))
ENDED = ("Rejected", "Cancelled", "Combined")


class LifeMachine(RuleBasedStateMachine):
    bench = None  # set by the test

    def __init__(self):
        super().__init__()
        bench = self.bench
        self.goods = [bench.goods("ONE", on_hand=200), bench.goods("SIX", on_hand=240, case=6)]
        bench.ready()
        self.orders = []
        bench.account.external_id_key = "leafbridge"
        bench.account.push_payments = True
        bench.account.payment_recorder = Staff.objects.get()
        bench.account.save()

    def account(self):
        self.bench.account.refresh_from_db()
        return self.bench.account

    def number(self, data):
        return data.draw(st.sampled_from(self.orders))

    def mirror(self, data):
        return Order.objects.filter(number=self.number(data)).first()

    has_orders = precondition(lambda self: self.orders)

    @rule(data=st.data(), cases=st.lists(st.integers(1, 4), min_size=1, max_size=2))
    def buy(self, data, cases):
        lines = [
            self.bench.line(goods, count * goods.item.case_size)
            for goods, count in zip(self.goods, cases, strict=False)
        ]
        with contextlib.suppress(SandboxError):
            self.orders.append(self.bench.order(*lines, payment_term="Net 15").number)
            if data.draw(st.booleans()):
                self.poll()

    @has_orders
    @rule(
        data=st.data(),
        action=st.sampled_from(["accept", "fulfill", "ship", "complete", "reject", "cancel"]),
    )
    def move_in_leaflink(self, data, action):
        by = "buyer" if action == "cancel" else "seller"
        with contextlib.suppress(SandboxError):
            self.bench.world.transition(self.number(data), action, by=by)

    @has_orders
    @rule(data=st.data(), what=st.sampled_from(["term", "own term", "ship", "details", "lines"]))
    def edit_in_leaflink(self, data, what):
        number, world = self.number(data), self.bench.world
        with contextlib.suppress(SandboxError):
            if what == "term":
                name = data.draw(st.sampled_from(TERMS))
                option = payment_terms.option(payment_terms.term_id(name), 4)
                world.edit_order(number, payment_term=name, selected_payment_option=option)
            elif what == "own term":
                world.edit_order(number, payment_term="LLF", selected_payment_option=None)
            elif what == "ship":
                at = world.now() + timedelta(days=data.draw(st.integers(1, 3)))
                world.edit_order(number, ship_date=at)
            elif what == "details":
                world.edit_order(number, shipping_details=data.draw(st.sampled_from(["A", "B"])))
            else:
                units = data.draw(st.integers(1, 9))
                world.edit_order(number, [self.bench.line(self.goods[0], units)])

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
            [
                ["allocate"],
                ["allocate", "ship"],
                ["allocate", "ship", "complete"],
                ["ship"],
                ["complete"],
                ["deallocate"],
                ["cancel"],
            ]
        ),
    )
    def work_here(self, data, verbs):
        local = self.local(data)
        for verb in verbs:
            options = {"reason": "x"} if verb == "cancel" else {}
            with contextlib.suppress(IllegalMove, InventoryError):
                getattr(services, verb)(local, **options)

    def local(self, data):
        return data.draw(st.sampled_from(list(SalesOrder.objects.order_by("pk"))))

    @precondition(lambda self: SalesOrder.objects.exists())
    @rule(
        data=st.data(),
        values=st.sampled_from(
            [
                *[{"payment_term": code} for code in ("", *CODES)],
                *[{"delivery_date": day} for day in DAYS],
                {"shipping_details": "C", "delivery_date": DAYS[0]},
            ]
        ),
    )
    def change_terms_here(self, data, values):
        with contextlib.suppress(IllegalMove):
            services.change_terms(self.local(data), values)

    @precondition(lambda self: SalesOrder.objects.exists())
    @rule(data=st.data(), voids=st.booleans())
    def pay(self, data, voids):
        with contextlib.suppress(IllegalMove):
            local = self.local(data)
            mine = local.payments.filter(voided_at=None).first()
            if voids and mine:
                payments.void(mine, "x")
            else:
                reference = f"{local.payments.count()}"
                options = {"reference": reference, "may_exceed": True}
                payments.record(local, Decimal(5), "cash", date(2026, 7, 6), **options)
            if data.draw(st.booleans()):
                self.bench.faults.next("reset-after", method="POST", path="order-payments")

    @has_orders
    @rule(data=st.data(), reject=st.booleans())
    def delete(self, data, reject):
        mirror = self.mirror(data)
        if mirror and mirror.sales_order_id:
            with contextlib.suppress(IllegalMove):
                unsync_orders.delete(mirror.pk, reject=reject, reason="x")

    @rule(data=st.data())
    def decide(self, data):
        rows = list(Order.objects.filter(Order.unsettled()).order_by("pk"))
        if not rows:
            return
        mirror = data.draw(st.sampled_from(rows))
        with contextlib.suppress(CannotDecide):
            for choice in choices_of(mirror):
                _, name, seen = choice.value.split(":")
                if name in ("version", "status"):
                    verb = (
                        decide_orders.take_leaflinks
                        if name == "version"
                        else decide_orders.do_the_same
                    )
                    verb(mirror.pk, by=None, seen=seen)
                elif name not in ("over", "customer"):
                    side = data.draw(
                        st.sampled_from(
                            [decide_orders.take_their_term, decide_orders.keep_our_term]
                        )
                    )
                    side(mirror.pk, name, by=None, seen=seen)

    @rule(preset=st.sampled_from(sorted(PRESETS)), leads=st.booleans())
    def change_the_rules(self, preset, leads):
        account = self.account()
        account.status_map = PRESETS[preset]
        account.lead_statuses = ["Fulfilled", "Shipped", "Complete"] if leads else []
        account.save()

    @rule(
        fault=st.sampled_from(["reset-before", "reset-after", "500", "429"]),
        where=st.sampled_from(
            [("POST", "order-payments"), ("POST", "transition"), ("PATCH", "orders-received")]
        ),
        then=st.booleans(),
    )
    def trouble_on_the_wire(self, fault, where, then):
        self.bench.faults.next(fault, method=where[0], path=where[1])
        if then:
            self.poll()

    @rule()
    def webhooks(self):
        self.bench.settle()

    @rule()
    def poll(self):
        cycle.run_cycle(self.account(), ["orders", "statuses", "payments"])
        work.drain()

    @invariant()
    def the_ledger_sums_to_the_stock_and_the_promises(self):
        sums = (
            Movement.objects.order_by()
            .values("item")
            .annotate(on_hand=Sum("on_hand_change"), committed=Sum("committed_change"))
        )
        for row in sums:
            there = Stock.objects.filter(item=row["item"]).aggregate(sum=Sum("on_hand"))["sum"]
            promised = Commitment.objects.filter(item=row["item"]).aggregate(sum=Sum("quantity"))
            assert row["on_hand"] == there
            assert row["committed"] == (promised["sum"] or 0)
        for local in SalesOrder.objects.prefetch_related("lines__commitment", "lines__allocations"):
            lines = list(local.lines.all())
            promises = sum(x.commitment.quantity for x in lines if x.commitment)
            assert promises == (sum(x.quantity for x in lines) if local.status in OPEN else 0)
            if local.status in ("allocated", "shipped", "completed"):
                for x in lines:
                    assert sum(a.quantity for a in x.allocations.all()) == x.quantity

    def teardown(self):
        self.bench.faults._planned.clear()
        for _ in range(2):
            self.poll()
        account = self.account()
        for mirror in Order.objects.select_related("sales_order"):
            self.check(account, mirror, self.bench.world.order(str(mirror.number)))
        self.check_payments()

    def check(self, account, mirror, remote):
        assert mirror.status == remote.status
        local = mirror.sales_order
        if local is None:
            assert mirror.state in ("ignored", "held")
            assert not mirror.reject_asked or remote.status == "Complete"
            return
        if Order.objects.filter(Order.unsettled(), pk=mirror.pk).exists():
            return  # on the conflicts page
        if remote.status in ENDED:
            assert local.status == "canceled"
            return
        wanted = target(account.status_map, local.status)
        assert wanted is None or next_step(remote.status, wanted) is None
        if local.status == "canceled":
            return
        if mirror.applied_fingerprint and not mirror.kept_fingerprint:
            units = [(x.quantity, x.unit_multiplier) for x in remote.lines]
            assert list(local.lines.values_list("quantity", "case_size")) == units
        assert remote.external_ids == {"leafbridge": local.number}
        if remote.payment_term != "LLF":
            names = {*NAMES.items(), ("net15", "Net 15")}
            assert (local.payment_term, remote.payment_term) in names
        there = remote.ship_date.date() if remote.ship_date else None
        assert local.delivery_date == there
        if there:
            assert local.shipping_details == (remote.shipping_details or "")

    def check_payments(self):
        noted = list(self.bench.world.payments.values())
        references = [p.reason.split()[0] for p in noted]
        assert len(references) == len(set(references))
        waiting = OrderPayment.objects.filter(state__in=("asked", "waiting"), problem="")
        assert not waiting.exists()
        for one in Payment.objects.all():
            mine = [p.total for p in noted if one.token.hex in p.reason]
            assert sum(mine) == (0 if one.voided_at else one.amount)


def test_both_sides_agree_or_the_difference_is_shown(machine_on, monkeypatch):
    monkeypatch.setattr(push_payments, "SETTLING", timedelta(0))
    run_state_machine_as_test(
        machine_on(LifeMachine),
        settings=settings(
            max_examples=int(os.environ.get("STATE_MACHINE_EXAMPLES", "10")),
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
