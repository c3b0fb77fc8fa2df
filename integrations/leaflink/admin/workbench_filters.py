"""What the linking workbench can be narrowed to: account, brand, and words to search for."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from catalog.models import Brand, Item
from catalog.natural import natural
from integrations.leaflink.models import Account, Listing, Product
from integrations.leaflink.wanted import Lists


def _brands(request: Any) -> QuerySet[Brand]:
    """The brands that an account sells; of the chosen account, when one is chosen."""
    brands = Brand.objects.filter(leaflink__isnull=False)
    chosen = natural(request.GET.get("account", "")) if request else 0
    return brands.filter(leaflink__account=chosen) if chosen else brands


class WorkbenchFilter(django_filters.FilterSet):
    """Common to all tabs. Subclasses say which columns the three look at."""

    account_column = ""
    text_columns: tuple[str, ...] = ()

    account = django_filters.ModelChoiceFilter(
        queryset=Account.objects.filter(is_active=True),
        label="Account",
        method="of_account",
        empty_label="All accounts",
        widget=UnfoldAdminSelectWidget,
    )
    brand = django_filters.ModelChoiceFilter(
        queryset=_brands,
        label="Brand",
        method="of_brand",
        empty_label="All brands",
        widget=UnfoldAdminSelectWidget,
    )
    q = django_filters.CharFilter(
        label="Search",
        method="with_words",
        widget=UnfoldAdminTextInputWidget(
            attrs={"type": "search", "placeholder": "Name or SKU", "autocomplete": "off"}
        ),
    )

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        # An id that none can be is no choice at all; databases can't even be asked for some.
        kept = {
            k: v for k, v in (data or {}).items() if k not in ("account", "brand") or natural(v)
        }
        super().__init__(kept, *args, **kwargs)

    def of_account(self, rows: Any, name: str, account: Account) -> Any:
        return rows.filter(**{self.account_column: account})

    def of_brand(self, rows: Any, name: str, brand: Brand) -> Any:
        raise NotImplementedError

    def with_words(self, rows: Any, name: str, text: str) -> Any:
        for word in text.split():
            found = Q()
            for column in self.text_columns:
                found |= Q(**{f"{column}__icontains": word})
            rows = rows.filter(found)
        return rows


class UnlinkedProducts(WorkbenchFilter):
    account_column = "account"
    text_columns = ("name", "sku")
    archived = django_filters.BooleanFilter(
        label="Archived ones too", method="with_archived", widget=UnfoldBooleanSwitchWidget
    )

    class Meta:
        model = Product
        fields: tuple[str, ...] = ()

    def of_brand(self, rows: Any, name: str, brand: Brand) -> Any:
        account = brand.leaflink.account
        there = Lists.of(account).brand_of(Item(brand=brand))
        return rows.filter(account=account, remote_brand_id=there) if there else rows.none()

    def with_archived(self, rows: Any, name: str, wanted: bool) -> Any:
        return rows

    def filter_queryset(self, queryset: Any) -> Any:
        rows = super().filter_queryset(queryset)
        if not self.form.cleaned_data.get("archived"):
            rows = rows.exclude(listing_state="Archived")
        return rows


class Links(WorkbenchFilter):
    account_column = "product__account"
    text_columns = ("item__name", "item__sku", "product__name", "product__sku")

    class Meta:
        model = Listing
        fields: tuple[str, ...] = ()

    def of_brand(self, rows: Any, name: str, brand: Brand) -> Any:
        return rows.filter(item__brand=brand)


class UnlinkedItems(WorkbenchFilter):
    account_column = "brand__leaflink__account"
    text_columns = ("name", "sku")

    class Meta:
        model = Item
        fields: tuple[str, ...] = ()

    def of_brand(self, rows: Any, name: str, brand: Brand) -> Any:
        return rows.filter(brand=brand)
