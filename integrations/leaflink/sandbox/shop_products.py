"""The pages on which a visitor looks after products by hand, as the seller would in LeafLink."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from integrations.leaflink.sandbox import product_bodies, shop
from integrations.leaflink.sandbox.categories import CATEGORIES, SUBCATEGORIES
from integrations.leaflink.sandbox.errors import Invalid
from integrations.leaflink.sandbox.product_representations import DEFAULT_MINIMUM
from integrations.leaflink.sandbox.records import Company, Product
from integrations.leaflink.sandbox.shop import world
from integrations.sandbox.pages import own_pages_only

blueprint = Blueprint("shop_products", __name__)
blueprint.before_request(own_pages_only)
MOST_ROWS = 200
# Field of the form: the API's name of it, and what the page calls it.
FIELDS = {
    "name": ("name", "Name"),
    "sku": ("sku", "SKU"),
    "description": ("description", "Description"),
    "wholesale-price": ("wholesale_price", "Wholesale price"),
    "case-size": ("unit_multiplier", "Case size"),
    "unit": ("unit_of_measure", "Unit"),
    "listing-state": ("listing_state", "Listing state"),
}


@blueprint.get("/products/")
def products() -> ResponseReturnValue:
    """All products of a seller, in any state; `q` looks in names and SKUs."""
    seller = _seller()
    if seller is None:
        return render_template("shop/empty.html")
    query = request.args.get("q", "").strip()
    with world().lock:
        found = [
            product
            for product in world().products.values()
            if product.seller_id == seller.id
            and query.lower() in f"{product.name}\n{product.sku}".lower()
        ]
        found.sort(key=lambda product: (product.archived, product.name, product.id))
        rows = [shop.shown(product) for product in found[:MOST_ROWS]]
    return render_template(
        "shop/products.html",
        seller=seller,
        sellers=world().sellers(),
        query=query,
        rows=rows,
        count=len(found),
    )


@blueprint.get("/products/<int:pk>/")
def product(pk: int) -> ResponseReturnValue:
    """A product's page, as links from the back office expect one."""
    found = _product(pk)
    return _page(found, _form_of(found))


@blueprint.post("/products/<int:pk>/")
def edit(pk: int) -> ResponseReturnValue:
    """Change what was changed in the form; a refused form is shown again as it was filled in."""
    with world().change():
        found = _product(pk)
        before = _form_of(found)
        # A browser sends the lines of a text with another ending than it was given.
        typed = {
            name: request.form.get(name, value).replace("\r\n", "\n").strip()
            for name, value in before.items()
        }
        body = {FIELDS[name][0]: typed[name] for name in FIELDS if typed[name] != before[name]}
        try:
            changes = product_bodies.product_changes(world(), body, found.seller_id, found)
        except Invalid as error:
            flash(_words(error.body), "error")
            return _page(found, typed)
        if changes:
            world().edit_product(pk, **changes)
    flash("The product was changed." if changes else "Nothing was changed.", "good")
    return redirect(url_for("shop_products.product", pk=pk))


@blueprint.post("/products/<int:pk>/archive")
def archive(pk: int) -> ResponseReturnValue:
    """The seller puts a product out of the way."""
    _product(pk)
    world().archive_product(pk)
    flash("The product was archived.", "good")
    return redirect(url_for("shop_products.product", pk=pk))


@blueprint.post("/products/<int:pk>/anew")
def make_anew(pk: int) -> ResponseReturnValue:
    """The seller archives a product and makes it once more, with another id."""
    old = _product(pk)
    made = world().recreate_product(old.id)
    flash(f"This is the new one; the old one, {old.id}, was archived.", "good")
    return redirect(url_for("shop_products.product", pk=made.id))


def _seller() -> Company | None:
    """The seller asked for, or the one that the visitor buys from."""
    asked = request.args.get("seller", "")
    for company in world().sellers():
        if str(company.id) == asked:
            return company
    customer = shop.visiting_customer()
    return world().companies[customer.owner_id] if customer else None


def _product(pk: int) -> Product:
    found = world().products.get(pk)
    if found is None:
        abort(404)
    return found


def _page(found: Product, form: dict[str, str]) -> str:
    with world().lock:
        return render_template(
            "shop/product.html",
            row=shop.shown(found),
            facts=_facts(found),
            seller=world().companies[found.seller_id],
            form=form,
            units=product_bodies.UNITS,
            states=product_bodies.LISTING_STATES,
        )


def _form_of(found: Product) -> dict[str, str]:
    """What the form shows of a product, by the form's own names."""
    return {
        "name": found.name,
        "sku": found.sku,
        "description": _description(found),
        "wholesale-price": f"{found.wholesale_price:.2f}",
        "case-size": str(found.unit_multiplier),
        "unit": found.unit_of_measure,
        "listing-state": found.listing_state,
    }


def _description(found: Product) -> str:
    # The API shows the name where there is none, so this page does too.
    return str(found.details.get("description", found.name)).replace("\r\n", "\n").strip()


def _facts(found: Product) -> dict[str, Any]:
    """What a product only has an id for, in words; None where there is nothing."""
    details = found.details
    brand = world().brands.get(found.brand_id or 0)
    line = world().product_lines.get(details.get("product_line") or 0)
    strains = [world().strains.get(pk) for pk in details.get("strains") or []]
    sub_category = SUBCATEGORIES.get(details.get("sub_category") or 0)
    return {
        "brand": brand.name if brand else None,
        "category": CATEGORIES.get(details.get("category") or 0),
        "sub_category": sub_category[0] if sub_category else None,
        "product_line": line.name if line else None,
        "strain": ", ".join(strain.name for strain in strains if strain),
        "strain_classification": details.get("strain_classification", "na"),
        "description": _description(found),
        "minimum": details.get("minimum_order") or DEFAULT_MINIMUM,
        "maximum": details.get("maximum_order"),
    }


def _words(errors: dict[str, list[str]]) -> str:
    """All refusals in one line, by the names that the page shows."""
    labels = dict(FIELDS.values())
    return " ".join(f"{labels.get(name, name)}: {' '.join(errors[name])}" for name in errors)
