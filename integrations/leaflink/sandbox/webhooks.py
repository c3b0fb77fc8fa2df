"""Webhooks out: bodies shaped as LeafLink shapes them, signed, in bursts, retried.

Pending hooks live in memory: LeafLink's would be retried, and polling is the net for both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests

from integrations.leaflink.sandbox import pricing, product_representations, representations
from integrations.leaflink.sandbox.records import Order, Product, Webhook
from integrations.leaflink.sandbox.world import World
from integrations.sandbox.faults import Faults

# LeafLink: about fourteen attempts in seven minutes; after five days of failure it gives up.
ATTEMPTS = 14
PAUSE = timedelta(seconds=30)
DISABLED_AFTER = timedelta(days=5)
TIMEOUT = 5

# url, raw body, headers → status (0 when there was no answer)
Post = Callable[[str, bytes, dict[str, str]], int]


def signature(key: str, body: bytes) -> str:
    """base64 of the HMAC-SHA256 of the raw body."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


@dataclass
class Pending:
    """A hook that is still to be delivered."""

    webhook: Webhook
    body: bytes
    due: datetime
    attempts: int = 0


class Dispatcher:
    """Turns changes of a world into webhooks, and delivers them."""

    def __init__(
        self, world: World, post: Post | None = None, faults: Faults | None = None
    ) -> None:
        self.world = world
        self.post = post or _post
        self.faults = faults or Faults()
        self.pending: list[Pending] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None
        world.listeners.append(self._on_change)

    def _on_change(self, kind: str, action: str, record: Any) -> None:
        hooks = [
            hook
            for hook in self.world.webhooks.values()
            if hook.enabled and kind in hook.types and hook.company_id == record.seller_id
        ]
        if not hooks:
            return
        body = json.dumps(hook_body(self.world, kind, action, record)).encode()
        with self._lock:
            due = self.world.clock()
            self.pending += [Pending(hook, body, due) for hook in hooks]
        self._wake.set()

    def deliver_pending(self, post: Post | None = None) -> int:
        """Deliver what is due, once; returns how many were sent. Faults drop, double, reorder."""
        now = self.world.clock()
        with self._lock:
            due = [one for one in self.pending if one.due <= now]
            self.pending = [one for one in self.pending if one.due > now]
        for index in range(len(due) - 1):
            if self.faults.for_hook("hook-reorder"):
                due[index], due[index + 1] = due[index + 1], due[index]
        sent = 0
        for one in due:
            if not one.webhook.enabled or self.faults.for_hook("hook-drop"):
                continue
            for _ in range(2 if self.faults.for_hook("hook-duplicate") else 1):
                self._deliver(one, post or self.post)
                sent += 1
        return sent

    def _deliver(self, one: Pending, post: Post) -> None:
        headers = {
            "Content-Type": "application/json",
            "LL-Signature": signature(one.webhook.secret, one.body),
        }
        status = post(one.webhook.url, one.body, headers)
        hook = one.webhook
        with self.world.change():
            if 200 <= status < 300:
                hook.failing_since = None
            else:
                now = self.world.clock()
                hook.failing_since = hook.failing_since or now
                hook.enabled = now - hook.failing_since < DISABLED_AFTER
                one.attempts += 1
                if one.attempts < ATTEMPTS and hook.enabled:
                    one.due = now + PAUSE
                    with self._lock:
                        self.pending.append(one)
            self.world.save(hook)

    def start(self) -> None:
        """Deliver in the background, as changes happen."""
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering; what is pending is dropped."""
        self._stopped = True
        self._wake.set()
        if self._thread:
            self._thread.join(TIMEOUT + 1)

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(1.0)
            self._wake.clear()
            if not self._stopped:
                self.deliver_pending()


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        return requests.post(url, data=body, headers=headers, timeout=TIMEOUT).status_code
    except requests.RequestException:
        return 0


def hook_body(world: World, kind: str, action: str, record: Any) -> dict[str, Any]:
    """The body of a hook. LeafLink: not like the REST answers; lines are orderedproduct_set."""
    data = _order(world, record) if kind == "order" else _product(world, record)
    return {"type": kind, "action": action, "data": data}


def _order(world: World, order: Order) -> dict[str, Any]:
    customer = world.customers[order.customer_id]
    seller = world.companies[order.seller_id]
    whole = representations.order(world, order, frozenset({"sales_reps"}))
    kept = (
        "number external_id_seller external_id_buyer user status manual created_on discount_type "
        "tax_type payment_term payment_due_date paid paid_date ship_date shipping_details notes "
        "internal_notes delivery_preferences sales_reps"
    )
    return {
        "id": order.id,
        **{name: whole[name] for name in kept.split()},
        "total": f"{pricing.totals(order).total:.2f}",
        "shipping_charge": f"{order.shipping:.2f}",
        "discount_amount": f"{order.discount:.4f}",
        "tax_amount": f"{order.tax_rate:.6f}",
        "buyer": {"id": order.buyer_id, "name": customer.name, "licenses": []},
        "seller": {"id": seller.id, "name": seller.name, "licenses": []},
        "customer": {
            "id": customer.id,
            "name": customer.name,
            "license_number": customer.license_number,
            "email": customer.email,
        },
        "orderedproduct_set": [
            {
                "id": line.id,
                "quantity": f"{line.quantity:.4f}",
                "unit_multiplier": line.unit_multiplier,
                "ordered_unit_price": f"{line.price:.2f}",
                "sale_price": f"{line.sale_price:.2f}",
                "is_sample": line.is_sample,
                "product": {"name": line.product_name, "sku": line.product_sku},
            }
            for line in order.lines
        ],
    }


def _product(world: World, product: Product) -> dict[str, Any]:
    whole = product_representations.product(world, product)
    kept = "id name sku quantity reserved_qty unit_multiplier listing_state parent modified"
    seller = world.companies[product.seller_id]
    return {
        **{name: whole[name] for name in kept.split()},
        "wholesale_price": f"{product.wholesale_price:.2f}",
        "retail_price": f"{product.retail_price:.2f}",
        "sale_price": f"{product.sale_price:.2f}",
        "seller": {"id": seller.id, "name": seller.name},
    }
