"""A LeafLink to test against: the stand-in, mounted in this process, and an account on it."""

import functools
import uuid
from decimal import Decimal
from types import SimpleNamespace

import pytest
import requests
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Brand, Facility, Item
from customers.models import SalesRep
from integrations import work
from integrations.leaflink import cycle, import_orders, link, mirror_orders
from integrations.leaflink.models import Account, AccountBrand, Listing, Order, Product, Staff
from integrations.leaflink.sandbox.app import create_app, show_world
from integrations.leaflink.sandbox.webhooks import Dispatcher
from integrations.leaflink.sandbox.world import World
from integrations.runs import Recorder
from integrations.sandbox.faults import Faults
from integrations.sandbox.transport import SandboxAdapter

KEY, HOOK_KEY = "app-key", "hook-key"


@functools.cache
def _app():
    """The stand-in, built once for all tests of a process: each bench shows it another world."""
    return create_app(World())


class Bench:
    """Both sides of a small business, and the verbs tests are written in."""

    def __init__(self, monkeypatch, name="Alder Peak"):
        self.world = World()
        self.faults = Faults()
        self.app = show_world(_app(), self.world, faults=self.faults, rate_limit=None)
        self.hooks = Dispatcher(self.world)
        monkeypatch.setattr("integrations.leaflink.connect.new_session", self.session)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        self.seller = self.world.add_seller(name)
        self.world.add_app_key(KEY, self.seller.id, owner=name)
        self.dana = self.world.add_staff(self.seller.id, "Dana Ruiz", "dana@peak.example")
        self.buyer = self.world.add_customer(
            self.seller.id,
            name="Juniper Street",
            license_number="402R-00981",
            email="orders@juniper.example",
            details={"address": "410 Juniper St", "city": "Pueblo", "state": "CO"},
        )
        self.shop = baker.make(Facility, name="Denver", license_number="L1")
        self.brand = baker.make(Brand, name="Alder")
        self.rep = baker.make(
            SalesRep, name="Dana Ruiz", email="dana@peak.example", default_facility=self.shop
        )
        self.account = Account.objects.create(
            name=name,
            host=Account.Host.STAND_IN,
            stand_in_url="http://leaflink.test",
            company_id=self.seller.id,
            app_key=KEY,
            webhook_key=HOOK_KEY,
        )
        AccountBrand.objects.create(account=self.account, brand=self.brand)
        self.world.add_webhook(
            self.seller.id, reverse("leaflink-webhook", args=[self.account.webhook_id]), HOOK_KEY
        )
        self.client = Client()

    def session(self):
        session = requests.Session()
        session.mount("http://leaflink.test", SandboxAdapter(self.app))
        return session

    def goods(self, sku="GUM", on_hand=100, *, case=1, price="10.00", name=None, **product):
        """An item here and a product there with the same SKU; not linked, nothing sent yet."""
        item = baker.make(
            Item, sku=sku, name=name or f"Item {sku}", brand=self.brand, case_size=case
        )
        if on_hand:
            inventory.receive(item, self.shop, Decimal(on_hand))
        options = {"quantity": "0", "unit_multiplier": case, "wholesale_price": price, **product}
        remote = self.world.add_product(
            self.seller.id, name=name or f"Product {sku}", sku=sku, **options
        )
        return SimpleNamespace(item=item, remote=remote)

    def line(self, goods, units, **more):
        return {"product_id": goods.remote.id, "quantity": units, **more}

    def order(self, *lines, **options):
        """Place an order in LeafLink."""
        options.setdefault("sales_rep_ids", [self.dana.id])
        return self.world.place_order(
            self.seller.id, options.pop("customer_id", self.buyer.id), list(lines), **options
        )

    def sync(self, *only, **options):
        """One cycle; fails the test when a step did."""
        steps = cycle.run_cycle(self.account, only, **options)
        assert [step.error for step in steps if step.error] == []
        return {step.name: step for step in steps}

    def settle(self):
        """Deliver webhooks and do all the work they and other hints asked for."""
        self.hooks.deliver_pending(self.deliver)
        work.drain()

    def deliver(self, url, body, headers):
        answer = self.client.post(
            url,
            body,
            content_type="application/json",
            headers={"LL-Signature": headers["LL-Signature"]},
        )
        return answer.status_code

    def map_dana(self):
        Staff.objects.update(sales_rep=self.rep)

    def ready(self):
        """Everything is pulled, mapped, linked and sent."""
        self.sync("staff", "customers", "products")
        self.map_dana()
        self.sync("inventory")

    def mirror(self, order):
        return Order.objects.get(number=order.number)

    def local(self, order):
        return self.mirror(order).sales_order

    def reasons(self, order):
        return sorted(self.mirror(order).blockers.values_list("code", flat=True))

    def free(self, goods):
        return inventory.levels([goods.item.pk])[goods.item.pk].free

    def available(self, goods):
        return self.world.available(goods.remote.id)

    def product(self, goods):
        return Product.objects.get(remote_id=goods.remote.id)

    def listing(self, goods):
        return Listing.objects.get(item=goods.item)

    def body(self, goods, **more):
        """An order as LeafLink sends it; `line` changes its one line."""
        line = {
            "id": 1,
            "product": goods.remote.id,
            "quantity": "2",
            "ordered_unit_price": {"amount": 10},
        }
        return {
            "number": str(uuid.uuid4()),
            "status": "Submitted",
            "modified": timezone.now().isoformat(),
            "customer": {"id": self.buyer.id, "display_name": "Juniper Street"},
            "sales_reps": [{"id": self.dana.id, "user": "Dana Ruiz"}],
            "line_items": [{**line, **more.pop("line", {})}],
            "total": {"amount": 20},
            **more,
        }

    def take_in(self, *bodies):
        """Store and settle a page of orders; returns the run, and what failed to settle."""
        run = Recorder()
        page = mirror_orders.store_page(self.account, list(bodies), run)
        return run, import_orders.settle_all(self.account, page.changed)

    def calls(self, method=None):
        """The requests LeafLink saw since the last call."""
        seen = [r for r in self.world.requests if method in (None, r.method)]
        self.world.requests.clear()
        return [f"{r.method} {r.path}" for r in seen]


@pytest.fixture
def bench(db, monkeypatch):
    return Bench(monkeypatch)


@pytest.fixture
def make_bench(db, monkeypatch):
    """For tests that need a fresh bench many times."""
    return lambda: Bench(monkeypatch)


@pytest.fixture
def machine_on(make_bench):
    """A hypothesis state machine, each example on a `bench` and in a transaction of its own."""

    def build(machine):
        class Machine(machine):
            def __init__(self):
                self.atomic = transaction.atomic()
                self.atomic.__enter__()
                self.bench = make_bench()
                super().__init__()

            def teardown(self):
                try:
                    super().teardown()
                finally:
                    transaction.set_rollback(True)
                    self.atomic.__exit__(None, None, None)

        return Machine

    return build


@pytest.fixture
def held(bench):
    """An order held for every reason that a page can cure."""
    bench.account.customer_rule = Account.CustomerRule.HOLD
    bench.account.link_exact_skus = False
    bench.account.save()
    gum, drops = bench.goods("GUM", on_hand=5), bench.goods("DRP")
    bench.sync("staff", "customers", "products")
    bench.world.set_quantity(gum.remote.id, "100")
    bench.world.set_quantity(drops.remote.id, "100")
    link.link(gum.item, Product.objects.get(sku="GUM"))
    order = bench.order(bench.line(gum, 10), bench.line(drops, 2))
    bench.sync("orders")
    assert bench.reasons(order) == [
        "customer_unknown",
        "product_unlinked",
        "rep_unmapped",
        "short_of_stock",
    ]
    return order
