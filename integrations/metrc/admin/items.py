"""Metrc's items: which of ours each is."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from catalog.decimals import units, with_thousands
from catalog.models import Item
from catalog.natural import natural
from catalog.permissions import require
from catalog.return_to import ReturnsToCaller, where_from
from integrations.metrc.likely_items import unmapped, with_packages
from integrations.metrc.map_items import map_item
from integrations.metrc.mapping.units import comparable
from integrations.metrc.models import MetrcItem, PackageAssignment

CHANGE = "metrc.change_metrcitem"
# Nobody maps more than this before saving.
MOST_AT_ONCE = 50


@admin.register(MetrcItem)
class MetrcItemAdmin(ReturnsToCaller, ModelAdmin):
    """Only which item of ours it is is ours to say; the rest is Metrc's."""

    list_display = ["name", "mapped", "item", "packages_here", "category", "account"]
    list_filter = [
        ("item", admin.EmptyFieldListFilter),
        ("account", admin.RelatedOnlyFieldListFilter),
    ]
    list_filter_submit = True
    list_select_related = ["item", "account"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["name", "item__name", "item__sku"]
    autocomplete_fields = ["item"]
    fields = ["name", "item", "packages_here", "category", "unit", "account"]
    readonly_fields = ["name", "packages_here", "category", "unit", "account"]
    list_before_template = "admin/metrc/items_unmapped.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[MetrcItem]:
        return with_packages()

    def get_ordering(self, request: HttpRequest) -> Any:
        # Those that wait for a person first, of these the ones with the most packages.
        is_mapped = Case(When(item__isnull=True, then=0), default=1)
        return [is_mapped, "-waiting", "name"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        # Nobody who maps means to delete or change the item.
        field.widget.can_delete_related = field.widget.can_change_related = False
        field.label = "Our item"
        field.help_text = "What we call it. Empty: its packages can't be assigned to orders."
        return field

    def save_model(self, request: HttpRequest, obj: MetrcItem, form: Any, change: bool) -> None:
        map_item(obj, obj.item)
        if warning := _odd(obj):
            messages.warning(request, warning)

    def get_urls(self) -> list[URLPattern]:
        many = path("map/", self.admin_site.admin_view(self.map_many), name="metrc_metrcitem_map")
        urls: list[URLPattern] = super().get_urls()
        return [many, *urls]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = self.has_change_permission(request)
        count = MetrcItem.objects.filter(item__isnull=True).count() if may else 0
        return super().changelist_view(request, {"unmapped": count, **(extra_context or {})})

    def map_many(self, request: HttpRequest) -> HttpResponse:
        """The unmapped Metrc items with the most packages, with the likeliest items of ours."""
        require(request, CHANGE, "catalog.view_item")
        if request.method == "POST":
            return self._map_chosen(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Map Metrc's items to ours",
            "opts": self.model._meta,
            "rows": unmapped(MOST_AT_ONCE),
            "back": where_from(request) or reverse("admin:metrc_metrcitem_changelist"),
        }
        return TemplateResponse(request, "admin/metrc/items_map.html", context)

    def _map_chosen(self, request: HttpRequest) -> HttpResponse:
        chosen = {
            natural(name.removeprefix("item-")): natural(str(value))
            for name, value in request.POST.items()
            if name.startswith("item-") and value
        }
        items = Item.objects.in_bulk(list(chosen.values()))
        mapped = 0
        # What somebody has mapped since the page was opened stays.
        for one in MetrcItem.objects.filter(pk__in=list(chosen), item__isnull=True):
            if item := items.get(chosen[one.pk]):
                map_item(one, item)
                mapped += 1
                if warning := _odd(one):
                    messages.warning(request, warning)
        if mapped:
            text = f"{mapped} Metrc item{'s are' if mapped > 1 else ' is'} mapped."
            messages.success(request, f"{text} Their packages can be assigned to orders now.")
        else:
            messages.info(request, "No item was chosen, so nothing was mapped.")
        listed = reverse("admin:metrc_metrcitem_changelist")
        return HttpResponseRedirect(where_from(request) or listed)

    @display(description="Mapped", label={"yes": "success", "no": "warning"})
    def mapped(self, metrc_item: MetrcItem) -> tuple[str, str]:
        return ("yes", "Mapped") if metrc_item.item_id else ("no", "Not mapped")

    @display(description="On the shelf", ordering="waiting")
    def packages_here(self, metrc_item: MetrcItem) -> str:
        return shown_amount(metrc_item)


def shown_amount(metrc_item: MetrcItem) -> str:
    """The packages on the shelf of an item that comes from `with_packages`."""
    count: int = getattr(metrc_item, "waiting", 0)
    if not count:
        return "None"
    amount = with_thousands(units(getattr(metrc_item, "amount", 0)))
    return f"{count} package{'s' * (count != 1)}, {amount} {metrc_item.unit.lower()}"


def _odd(metrc_item: MetrcItem) -> str:
    """What a person should know who has just mapped this so; "" when all is well."""
    item = metrc_item.item
    if item and metrc_item.unit and not comparable(metrc_item.unit, item.unit_of_measure):
        return (
            f"{metrc_item} is counted in {metrc_item.unit.lower()} in Metrc, and {item} in "
            f"{item.get_unit_of_measure_display().lower()}s: its packages can't fill order lines. "
            "Map another item, or change this item's unit."
        )
    assigned = PackageAssignment.objects.filter(
        package__metrc_item=metrc_item.pk, ended_at__isnull=True
    )
    count = assigned.exclude(line__item=item).count() if item else assigned.count()
    if count:
        are = "package is" if count == 1 else "packages are"
        return f"{count} {are} assigned to lines of another item. Look at those orders again."
    return ""
