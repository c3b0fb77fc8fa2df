"""What would be sent to LeafLink if an item's form were saved as it stands."""

from typing import Any

from catalog.models import Item
from integrations.leaflink.admin.offer_tab import PRICES
from integrations.leaflink.compare_listings import compare_one, listings_with_parts
from integrations.leaflink.create_product import why_not
from integrations.leaflink.mapping.product_fields import LABELS
from integrations.leaflink.models import Offer
from integrations.leaflink.wanted import Lists, for_creation, in_words, rules_of


def preview(form: Any, formsets: list[Any]) -> dict[str, Any]:
    """`errors` by label where the form can't be saved; else `rows` of (label, LeafLink now, will
    be), for an item without product with what is `missing`. Nothing is saved."""
    bound = [one for one in formsets if one.model is Offer]
    errors = {
        **_errors(form),
        **{k: v for one in bound for f in one for k, v in _errors(f).items()},
    }
    if errors or not form.is_valid() or not all(one.is_valid() for one in bound):
        return {"errors": errors}
    item: Item = form.instance
    offer = next(
        (f.instance for one in bound for f in one if f.has_changed() or f.instance.pk),
        Offer(item=item),
    )
    # As saving does: what was not changed on the page stays as it is now.
    _keep_what_was_not_changed(form, Item)
    for one in bound:
        for offer_form in one:
            _keep_what_was_not_changed(offer_form, Offer)
    # Read by relation names below: ours as typed, not as stored.
    offer.item = item
    item.offer = offer
    seller = getattr(item.brand, "leaflink", None)
    if seller is None:
        return {"no_account": item.brand}
    account = seller.account
    lists = Lists.of(account)
    listing = listings_with_parts(account).filter(item=item.pk).first()
    if listing is None:
        values = for_creation(item, offer, lists)
        return {
            "new": True,
            "missing": why_not(item, lists),
            "rows": [(LABELS[k], "", in_words(k, v, lists)) for k, v in values.items()],
        }
    listing.item = item
    found = compare_one(listing, lists, rules_of(account))
    return {
        "rows": [
            (LABELS[k], in_words(k, found.theirs.get(k), lists), in_words(k, v, lists))
            for k, v in found.to_send().items()
        ],
        "rules": account,
    }


def _keep_what_was_not_changed(form: Any, model: type[Item] | type[Offer]) -> None:
    """Prices that LeafLink may have changed since the page was opened."""
    now = model._default_manager.filter(pk=form.instance.pk).first()
    for name in PRICES if now else ():
        if name not in form.changed_data:
            setattr(form.instance, name, getattr(now, name))


def _errors(form: Any) -> dict[str, str]:
    return {
        str(form.fields[name].label or name) if name in form.fields else "": " ".join(texts)
        for name, texts in form.errors.items()
    }
