"""Records as LeafLink really sends them: amounts as numbers, nulls where there is nothing.

The published schema says text in many of these places; real traffic has numbers, arrays and nulls,
so that is what a client must be able to read. `tests/…/test_contract.py` lists each difference.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from integrations.leaflink.sandbox import pricing
from integrations.leaflink.sandbox.order_rules import available_transitions
from integrations.leaflink.sandbox.payment_terms import standard_options
from integrations.leaflink.sandbox.records import (
    ZERO,
    Batch,
    Company,
    Customer,
    Order,
    OrderEvent,
    OrderLine,
    Payment,
    Staff,
)

if TYPE_CHECKING:
    from integrations.leaflink.sandbox.world import World

Json = dict[str, Any]


def number(value: Decimal) -> int | float:
    """A JSON number, whole where it can be."""
    return int(value) if value == value.to_integral_value() else float(value)


def money(value: Decimal) -> Json:
    """{"amount": 96, "currency": "USD"}"""
    return {"amount": number(value), "currency": "USD"}


def time(value: datetime | None) -> str | None:
    """ISO 8601 with microseconds and the seller's offset."""
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def units(value: Decimal) -> str:
    """A quantity of base units: "48.0000"."""
    return f"{value:.4f}"


def facility(row: Company) -> Json:
    return {"id": row.id, "name": row.name, "description": ""}


def company(row: Company) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "slug": row.slug,
        "dba": row.name,
        "buyer": row.is_buyer,
        "seller": row.is_seller,
        "address": row.address.get("address", ""),
        "city": row.address.get("city", ""),
        "state": row.address.get("state", ""),
        "zipcode": row.address.get("zipcode", ""),
        "announcement": "",
        "apply_ancillary_tax": False,
        "apply_arms_length_tax": False,
        "batch_enabled": False,
        "business_identifier": "",
        "business_license_name": row.name,
        "description": "",
        "has_accting": False,
        "hide_attached_packages": False,
        "image": None,
        "sts_enabled": False,
    }


def staff(row: Staff) -> Json:
    return {
        "id": row.id,
        "user": row.user_id,
        "company": row.company_id,
        "is_admin": row.is_admin,
        "is_active": row.is_active,
        "is_poc": False,
        "email": row.email,
        "phone": row.phone,
        "identification_number": "",
        "display_name": row.name,
        "username": row.username,
    }


def batch(row: Batch) -> Json:
    """Test results are not kept here."""
    return {
        "id": row.id,
        "owner": str(row.company_id),
        "production_batch_number": row.number,
        "batch_date": row.batch_date,
        "cannabinoid_unit": "%",
        "testing_source": "",
        "documents": [],
    }


def customer(row: Customer) -> Json:
    details = row.details
    address = {
        name: details.get(name, "")
        for name in ("address", "unit_number", "city", "state", "zipcode")
    }
    return {
        "id": row.id,
        "owner": row.owner_id,
        "partner": row.partner_id,
        "name": row.name,
        "nickname": details.get("nickname", ""),
        "dba": details.get("dba", row.name),
        "license_number": row.license_number,
        "old_license_number": None,
        "license_inactive": False,
        "external_id": details.get("external_id", ""),
        "ext_acct_id": None,
        "email": row.email,
        "phone": details.get("phone", ""),
        **address,
        "phone_extension": "",
        "county": "",
        "country": "United States",
        "lat": None,
        "long": None,
        "license_type": None,
        "business_identifier": "",
        "business_license_name": row.name,
        "ein": "",
        "brand": "",
        "currency": "USD",
        "description": "",
        "directions": "",
        "notes": "",
        "website": None,
        "shipping_charge": "0.00",
        "price_schedule": None,
        "service_zone": None,
        "tier": None,
        "status": None,
        "next_contact_date": None,
        "leaflink_last_views": None,
        "delivery_preferences": details.get("delivery_preferences", ""),
        "delinquent": False,
        "archived": False,
        "discount_percent": "0.00",
        "payment_term": 3,
        "payment_methods": [4],
        "available_payment_options": standard_options(),
        "managers": row.managers,
        "leaflink_source": row.partner_id is not None,
        "external_ids": details.get("external_ids", {}),
        "corporate_address": {**address, "county": ""},
        "delivery_address": {**address, "county": ""},
        "created_on": time(row.created_on),
        "modified": time(row.modified),
    }


def line(row: OrderLine, order: Order) -> Json:
    return {
        "id": row.id,
        "order": order.number,
        "order_id": order.number,
        "product": row.product_id,
        "quantity": units(row.quantity),
        "unit_multiplier": row.unit_multiplier,
        "bulk_units": int(row.quantity / row.unit_multiplier),
        "ordered_unit_price": money(row.price),
        "sale_price": money(row.sale_price),
        "wholesale_price": f"{row.wholesale_price:.2f}",
        "on_sale": row.sale_price > 0,
        "is_sample": row.is_sample,
        "is_medical_line_item": row.is_medical,
        "is_backorder": row.is_backorder,
        "is_packed": row.is_packed,
        "packed_at": time(row.packed_at),
        "packed_by": row.packed_by,
        "unit_of_measure": row.unit_of_measure,
        "position": row.position,
        "batch": row.batch,
        "package_tags": "",
        "notes": row.notes,
        "frozen_data": {
            "product": {
                "id": row.product_id,
                "name": row.product_name,
                "sku": row.product_sku,
                "unit_multiplier": row.unit_multiplier,
            }
        },
    }


def order(world: World, row: Order, children: frozenset[str] = frozenset()) -> Json:
    """An order; `children` of line_items, customer and sales_reps are shown whole."""
    totals = pricing.totals(row)
    paid = sum((p.total for p in world.payments.values() if p.order_number == row.number), ZERO)
    buyer = world.customers[row.customer_id]
    light = {
        "id": buyer.id,
        "display_name": buyer.display_name,
        "ext_acct_id": None,
        "delinquent": False,
    }
    body: Json = {
        "number": row.number,
        "short_id": row.short_id,
        "external_id_seller": row.external_id_seller,
        "external_id_buyer": row.external_id_buyer,
        "ext_acct_id": row.ext_acct_id,
        "created_on": time(row.created_on),
        "modified": time(row.modified),
        "user": row.user,
        "buyer": row.buyer_id,
        "seller": row.seller_id,
        "customer": {**customer(buyer), **light} if "customer" in children else light,
        "brand": row.brand_id,
        "status": row.status,
        "manual": row.manual,
        "discount": number(row.discount),
        "discount_type": row.discount_type,
        "tax_amount": number(row.tax_rate),
        "tax_type": "%",
        "final_tax": f"{totals.tax:.2f}",
        "order_taxes": [],
        "shipping_charge": money(row.shipping),
        "total": money(totals.total),
        "credits": f"{row.credits:.2f}",
        "payment_term": row.payment_term,
        "payment_methods": row.payment_methods,
        "available_payment_options": standard_options(),
        "selected_payment_option": row.selected_payment_option,
        "payment_due_date": time(row.payment_due_date),
        "paid": row.paid,
        "paid_date": row.paid_date,
        "payment_balance": number(totals.total - paid),
        "llf_payment_method": False,
        "ship_date": time(row.ship_date),
        "shipping_details": row.shipping_details,
        "notes": row.notes,
        "internal_notes": row.internal_notes,
        "delivery_preferences": row.delivery_preferences,
        "sales_reps": [_rep(world, pk, "sales_reps" in children) for pk in row.sales_rep_ids],
        "classification": row.classification,
        "available_transitions": available_transitions(row),
        "has_special_requests": bool(row.notes),
        "is_combination": row.is_combination,
        "delivery_provider": row.delivery_provider,
        "distributor": "",
        "facility_id": row.facility_id,
        "delivery_info": row.delivery_info,
        "corporate_address": row.corporate_address,
        "delivery_address": row.delivery_address,
        "external_ids": row.external_ids,
        "order_number": row.number,
        "order_short_number": row.short_id,
        "order_seller_number": row.external_id_seller or row.short_id,
        "order_buyer_number": row.external_id_buyer or row.short_id,
    }
    if "line_items" in children:
        body["line_items"] = [line(one, row) for one in row.lines]
    return body


def _rep(world: World, staff_id: int, whole: bool) -> Json:
    person = world.staff.get(staff_id)
    light = {"id": staff_id, "user": person.name if person else f"Staff {staff_id}"}
    if whole and person:
        return {**light, "email": person.email, "phone": person.phone, "position": "Sales Rep"}
    return light


def payment(world: World, row: Payment) -> Json:
    recorder = world.staff.get(row.recorded_by)
    return {
        "id": row.id,
        "created_on": time(row.created_on),
        "modified": time(row.modified),
        "order": row.order_number,
        "recorded_by": row.recorded_by,
        "recorder_name": recorder.name if recorder else "",
        "total": {"amount": f"{row.total:.2f}", "currency": "USD"},
        "payment_date": time(row.payment_date),
        "reason": row.reason,
        "payment_type": row.payment_type,
    }


def event(row: OrderEvent) -> Json:
    return {
        "id": row.id,
        "order": row.order_number,
        "event_type": row.event_type,
        "by": row.by,
        "author_name": row.author_name,
        "source": row.source,
        "source_detail": "",
        "changed_fields": row.changed_fields,
        "description": None,
        "created_on": time(row.created_on),
        "modified": time(row.created_on),
        "timestamp": time(row.created_on),
    }
