"""Admin page of tax rates."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from orders.models import TaxRate


@admin.register(TaxRate)
class TaxRateAdmin(ModelAdmin):
    list_display = ["name", "percent", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name"]
