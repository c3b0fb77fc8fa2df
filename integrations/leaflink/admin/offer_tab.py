"""The item's LeafLink tab: the form of its offer, each blank field saying what it is then."""

from typing import Any

from django import forms
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import StackedInline
from unfold.decorators import display

from catalog.models import Item
from integrations.leaflink.admin.lists import offer_own_entries
from integrations.leaflink.models import Listing, Offer
from integrations.leaflink.models.offers import ENTRY_FIELDS
from integrations.leaflink.wanted import (
    Lists,
    case_size,
    from_item,
    in_words,
    leaflink_unit,
    wanted_prices,
)

# What it means to say neither yes nor no.
UNSAID = {
    "show_quantity": "As LeafLink has it",
    "sell_in_cases": "If a case holds more than one unit",
}
# What both sides may change.
PRICES = ("wholesale_price", "sale_price", "retail_price")
# What Unfold calls the tab in the page's address.
OFFER_TAB = "offer"
# Where the form's field has another name than LeafLink's.
LEAFLINK_NAMES = {
    "subcategory": "sub_category",
    "strain": "strains",
    "units_per_case": "unit_multiplier",
}


class OfferForm(forms.ModelForm):  # type: ignore[type-arg]
    """The offer, each blank field saying what it is then."""

    class Meta:
        model = Offer
        fields = (
            "enabled",
            "mode",
            "name",
            "sku",
            "description",
            *ENTRY_FIELDS,
            "strain_classification",
            "show_quantity",
            "sell_in_cases",
            "units_per_case",
            "wholesale_price",
            "sale_price",
            "retail_price",
            "minimum_order",
            "maximum_order",
            "safety_units",
            "safety_percent",
            "most_shown",
        )

    def __init__(self, *args: Any, item: Item, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer: Offer = self.instance
        if not item.pk or getattr(item.brand, "leaflink", None) is None:
            return
        lists = Lists.of(item.brand.leaflink.account)
        values = {
            **from_item(item, lists),
            **wanted_prices(item, Offer(item=item), case_size(item, offer)),
        }
        listing = Listing.objects.filter(item=item).select_related("product").first()
        refusals = {**offer.refusals, **(listing.refusals if listing else {})}
        for name, field in self.fields.items():
            leaflink_name = LEAFLINK_NAMES.get(name, name)
            if leaflink_name in values and name != "enabled":
                blank = in_words(leaflink_name, values[leaflink_name], lists)
                short = blank if len(blank) < 60 else blank[:57] + "…"
                # Help texts are shown as HTML, and these words are anybody's.
                field.help_text = format_html("{} Empty: {}", field.help_text, short)
            elif listing and listing.product.shown.get(leaflink_name) not in (None, "", []):
                theirs = in_words(leaflink_name, listing.product.shown[leaflink_name], lists)
                field.help_text = format_html(
                    "{} Empty: as LeafLink has it, {}", field.help_text, theirs
                )
            if refusal := refusals.get(leaflink_name):
                text = "LeafLink refused: {} {}"
                field.help_text = format_html(text, refusal, field.help_text)
            if name in PRICES:
                field.show_hidden_initial = True
        for name, unsaid in UNSAID.items():
            self.fields[name].widget.choices = [
                ("unknown", unsaid),
                ("true", "Yes"),
                ("false", "No"),
            ]
        if listing:
            self.fields["enabled"].disabled = True
            self.fields["enabled"].initial = True
            self.fields["enabled"].help_text = "It is linked. Unlink it to end that."

    def save(self, commit: bool = True) -> Any:
        """Write what was changed on the page, and that only: prices may have been taken over from
        LeafLink, and work been done, since it was opened."""
        # What LeafLink refused may be right now; it is tried anew.
        self.instance.refusals = {}
        if not (commit and self.instance.pk):
            return super().save(commit)
        changed = [name for name in self.changed_data if name in self.Meta.fields]
        self.instance.save(update_fields=[*changed, "refusals"])
        return self.instance


class OfferFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The one offer of an item."""

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        item, prefix = kwargs.get("instance"), kwargs.get("prefix") or self.get_default_prefix()
        if data is not None and item is not None and data.get(f"{prefix}-INITIAL_FORMS") == "0":
            # Linking may have made the offer since the page was opened: it is that one then.
            made = Offer.objects.filter(item=item.pk).values_list("pk", flat=True).first()
            if made:
                data = data.copy()
                data[f"{prefix}-INITIAL_FORMS"], data[f"{prefix}-0-id"] = "1", str(made)
        super().__init__(data, *args, **kwargs)

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "item": self.instance}


class OfferInline(StackedInline):
    model = Offer
    form = OfferForm
    tab = True
    hide_title = True
    can_delete = False
    max_num = extra = 1
    formset = OfferFormSet
    verbose_name = verbose_name_plural = "LeafLink"
    autocomplete_fields = list(ENTRY_FIELDS)
    template_before = "admin/leaflink/listing_panel.html"
    readonly_fields = ["unit_type"]
    fieldsets = [
        ("In LeafLink", {"fields": ["enabled", "mode"]}),
        (
            "How much is shown",
            {
                "description": "Empty: as the brand says, or else the account.",
                "fields": [("safety_units", "safety_percent"), "most_shown"],
            },
        ),
        (
            "What buyers read",
            {
                "fields": [
                    ("name", "sku"),
                    "description",
                    ("brand", "product_line"),
                    ("category", "subcategory"),
                    ("strain", "strain_classification"),
                    ("license", "show_quantity"),
                ]
            },
        ),
        (
            "How it is sold",
            {
                "fields": [
                    "unit_type",
                    ("sell_in_cases", "units_per_case"),
                    ("wholesale_price", "sale_price"),
                    ("retail_price",),
                    ("minimum_order", "maximum_order"),
                ]
            },
        ),
    ]

    @display(description="Unit")
    def unit_type(self, offer: Offer) -> str:
        """LeafLink's unit, which follows the item's."""
        ours = offer.item.get_unit_of_measure_display()
        there = leaflink_unit(offer.item.unit_of_measure)
        same = f"{there}, as the item's"
        return same if there == ours else f"{there}: LeafLink doesn't know {ours.lower()}s"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        seller = getattr(obj.brand, "leaflink", None) if obj else None
        if seller:
            for name in ENTRY_FIELDS:
                field = formset.form.base_fields.get(name)
                if field:  # somebody who may only look has none
                    offer_own_entries(field, Offer, name, self.admin_site, seller.account_id)
        return formset
