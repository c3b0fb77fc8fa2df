"""The stand-in as tests and pages use it: companies, people, products, orders. All thread-safe.

What happens to orders is in `order_rules`; how a change is made, in `state`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from decimal import Decimal
from typing import Any

from integrations.leaflink.sandbox import order_rules, records, stock
from integrations.leaflink.sandbox.errors import Invalid, NotFound
from integrations.leaflink.sandbox.records import (
    ZERO,
    AppKey,
    Batch,
    Brand,
    Company,
    Customer,
    Order,
    Payment,
    Product,
    ProductLine,
    Staff,
    Strain,
    Webhook,
)
from integrations.leaflink.sandbox.state import State

ALL_PERMISSIONS = dict.fromkeys(("orders", "products", "inventory", "crm"), "write")


class World(State):
    """Everything the stand-in knows, and what can be done with it."""

    # -- people and companies ---------------------------------------------------------------

    def _add_company(self, name: str, license_number: str, address: dict[str, str], **role: bool):  # type: ignore[no-untyped-def]
        with self.change():
            company = Company(
                id=self.next_id("company"),
                name=name,
                slug=name.lower().replace(" ", "-"),
                is_seller=role.get("seller", False),
                is_buyer=role.get("buyer", False),
                license_id=self.next_id("license") if license_number else None,
                license_number=license_number,
                address=address,
            )
            self.companies[company.id] = company
            self.save(company)
            return company

    def add_seller(self, name: str, *, license_number: str = "") -> Company:
        """A company that sells."""
        company: Company = self._add_company(name, license_number, {}, seller=True)
        return company

    def add_buyer(self, name: str, *, license_number: str = "", **address: str) -> Company:
        """A retailer. `address` takes address, city, state, zipcode, unit_number, email, phone."""
        company: Company = self._add_company(name, license_number, address, buyer=True)
        return company

    def sellers(self) -> list[Company]:
        """All companies that sell."""
        return [company for company in self.companies.values() if company.is_seller]

    def buyers(self) -> list[Company]:
        """All retailers."""
        return [company for company in self.companies.values() if company.is_buyer]

    def add_app_key(
        self,
        key: str,
        company_id: int,
        *,
        owner: str | None = None,
        permissions: dict[str, str] | None = None,
    ) -> AppKey:
        """A key of a company. The request budget is counted per `owner` (default: the company)."""
        with self.change():
            row = AppKey(
                key, company_id, owner or f"company {company_id}", permissions or ALL_PERMISSIONS
            )
            self.app_keys[key] = row
            self.save(row)
            return row

    def revoke_app_key(self, key: str) -> None:
        """The company takes a key back: it opens nothing any more."""
        with self.change():
            row = self.app_keys[key]
            row.is_revoked = True
            self.save(row)

    def add_staff(
        self,
        company_id: int,
        name: str,
        email: str,
        *,
        is_active: bool = True,
        is_admin: bool = False,
    ) -> Staff:
        """A person of a company; `id` is what orders call a rep."""
        with self.change():
            person = Staff(
                id=self.next_id("staff"),
                user_id=self.next_id("user"),
                company_id=company_id,
                name=name,
                email=email,
                username=email.split("@")[0],
                phone="303-555-0100",
                is_active=is_active,
                is_admin=is_admin,
            )
            self.staff[person.id] = person
            self.save(person)
            return person

    def add_brand(self, company_id: int, name: str) -> Brand:
        """A brand of a seller."""
        with self.change():
            brand = Brand(self.next_id("brand"), company_id, name)
            self.brands[brand.id] = brand
            self.save(brand)
            return brand

    def add_product_line(self, brand_id: int, name: str) -> ProductLine:
        """A product line of a brand; it comes last on the brand's menu."""
        with self.change():
            before = [line for line in self.product_lines.values() if line.brand_id == brand_id]
            line = ProductLine(self.next_id("product_line"), brand_id, name, len(before))
            self.product_lines[line.id] = line
            self.save(line)
            return line

    def add_strain(self, company_id: int, name: str, classification: str) -> Strain:
        """A strain that a seller has named."""
        with self.change():
            strain = Strain(self.next_id("strain"), company_id, name, classification)
            self.strains[strain.id] = strain
            self.save(strain)
            return strain

    def add_batch(self, company_id: int, number: str) -> Batch:
        """A production batch of a seller."""
        with self.change():
            batch = Batch(self.next_id("batch"), company_id, number, self.now().date().isoformat())
            self.batches[batch.id] = batch
            self.save(batch)
            return batch

    def add_customer(
        self,
        owner_id: int,
        *,
        name: str,
        license_number: str | None = None,
        partner_id: int | None = None,
        email: str = "",
        managers: Sequence[int] = (),
        details: dict[str, Any] | None = None,
    ) -> Customer:
        """A seller's CRM record of a buyer; `details` are further fields under their API names."""
        with self.change():
            now = self.now()
            customer = Customer(
                id=self.next_id("customer"),
                owner_id=owner_id,
                partner_id=partner_id,
                name=name,
                license_number=license_number,
                email=email,
                managers=list(managers),
                created_on=now,
                modified=now,
                details=details or {},
            )
            self.customers[customer.id] = customer
            self.save(customer)
            return customer

    def add_webhook(
        self, company_id: int, url: str, key: str, types: Sequence[str] = ("order", "product")
    ) -> Webhook:
        """Subscribe a URL to a company's changes; the same URL again renews the subscription."""
        with self.change():
            for hook in self.webhooks.values():
                if hook.company_id == company_id and hook.url == url:
                    hook.secret, hook.types, hook.enabled = key, list(types), True
                    hook.failing_since = None
                    self.save(hook)
                    return hook
            hook = Webhook(self.next_id("webhook"), company_id, url, key, list(types))
            self.webhooks[hook.id] = hook
            self.save(hook)
            return hook

    # -- products ---------------------------------------------------------------------------

    def add_product(
        self,
        company_id: int,
        *,
        name: str,
        sku: str,
        brand_id: int | None = None,
        quantity: str | Decimal = "0",
        unit_of_measure: str = "Unit",
        unit_multiplier: int = 1,
        wholesale_price: str | Decimal = "10.00",
        retail_price: str | Decimal = "0",
        sale_price: str | Decimal = "0",
        listing_state: str = "Available",
        inventory_management: int = 1,
        parent_id: int | None = None,
        **details: Any,
    ) -> Product:
        """A product. Quantity in base units, wholesale and sale price per selling unit."""
        with self.change():
            now = self.now()
            product = Product(
                id=self.next_id("product"),
                seller_id=company_id,
                brand_id=brand_id,
                name=name,
                sku=sku,
                quantity=Decimal(quantity),
                reserved=ZERO,
                unit_of_measure=unit_of_measure,
                unit_multiplier=unit_multiplier,
                wholesale_price=Decimal(wholesale_price),
                retail_price=Decimal(retail_price),
                sale_price=Decimal(sale_price),
                listing_state=listing_state,
                inventory_management=inventory_management,
                parent_id=parent_id,
                created_on=now,
                last_edit=now,
                modified=now,
                details=details,
            )
            self.products[product.id] = product
            if parent_id:
                self.children[parent_id].append(product.id)
            self.save(product)
            self.tell("product", "create", product)
            return product

    def edit_product(self, product_id: int, **changes: Any) -> Product:
        """Change fields of a product; those it has no column for are kept as details."""
        with self.change():
            product = self.product(product_id)
            if "parent_id" in changes:
                if product.parent_id:
                    self.children[product.parent_id].remove(product.id)
                if changes["parent_id"]:
                    self.children[changes["parent_id"]].append(product.id)
            for name, value in changes.items():
                if name in records.Product.__dataclass_fields__ and name != "details":
                    setattr(product, name, value)
                else:
                    product.details[name] = value
            product.modified = product.last_edit = self.now()
            self.save(product)
            self.tell("product", "edit", product)
            return product

    def set_quantity(self, product_id: int, quantity: str | Decimal) -> Product:
        """Set the physical level, in base units."""
        if Decimal(quantity) < 0:
            raise Invalid({"quantity": ["Ensure this value is greater than or equal to 0."]})
        return self.edit_product(product_id, quantity=Decimal(quantity))

    def archive_product(self, product_id: int) -> Product:
        """Put a product out of the way."""
        return self.edit_product(product_id, listing_state="Archived")

    def recreate_product(self, product_id: int) -> Product:
        """Archive it and make a new one of the same name and SKU, as people do by mistake."""
        with self.change():
            old = self.product(product_id)
            state = "Available" if old.archived else old.listing_state
            self.archive_product(product_id)
            return self.add_product(
                old.seller_id,
                name=old.name,
                sku=old.sku,
                brand_id=old.brand_id,
                quantity=old.quantity,
                unit_of_measure=old.unit_of_measure,
                unit_multiplier=old.unit_multiplier,
                wholesale_price=old.wholesale_price,
                retail_price=old.retail_price,
                sale_price=old.sale_price,
                listing_state=state,
                inventory_management=old.inventory_management,
                parent_id=old.parent_id,
                **deepcopy(old.details),
            )

    def product(self, product_id: int) -> Product:
        """The product with this id. Raises NotFound."""
        if product_id not in self.products:
            raise NotFound
        return self.products[product_id]

    def available(self, product_id: int) -> Decimal:
        """Base units that can still be ordered."""
        with self.lock:
            return stock.available(self, self.product(product_id))

    # -- orders -----------------------------------------------------------------------------

    def order(self, number: str) -> Order:
        """The order with this number. Raises NotFound."""
        if number not in self.orders:
            raise NotFound
        return self.orders[number]

    def place_order(
        self, seller_id: int, customer_id: int, lines: Sequence[dict[str, Any]], **options: Any
    ) -> Order:
        """Place an order; see `order_rules.place` for lines and options."""
        return order_rules.place(self, seller_id, customer_id, lines, **options)

    def edit_order(
        self, number: str, lines: Sequence[dict[str, Any]] | None = None, **fields: Any
    ) -> Order:
        """Change an order's lines or fields; see `order_rules.edit`."""
        return order_rules.edit(self, number, lines, **fields)

    def cancel_order(self, number: str) -> Order:
        """The buyer withdraws; only from Draft and Submitted."""
        return order_rules.transition(self, number, "cancel", by="buyer")

    def transition(self, number: str, action: str, *, by: str = "seller") -> Order:
        """Move an order one step; raises IllegalTransition when that isn't possible."""
        return order_rules.transition(self, number, action, by=by)

    def combine_orders(self, numbers: Sequence[str]) -> Order:
        """Merge orders of one customer into a new one; they become Combined."""
        return order_rules.combine(self, numbers)

    def add_payment(self, number: str, recorded_by: int, total: Decimal, **more: Any) -> Payment:
        """Write a payment down; negative ones correct earlier ones."""
        with self.change():
            order = self.order(number)
            now = self.now()
            payment = Payment(
                id=self.next_id("payment"),
                order_number=order.number,
                recorded_by=recorded_by,
                total=total,
                payment_date=more.get("payment_date") or now,
                reason=more.get("reason", ""),
                payment_type=more.get("payment_type", "other"),
                created_on=now,
                modified=now,
            )
            self.payments[payment.id] = payment
            self.save(payment)
            order_rules.note(self, order, "edited", {"payments": "added"})
            return payment
