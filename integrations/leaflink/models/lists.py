"""LeafLink's own lists, from which a product's brand, category and the like are chosen."""

from django.db import models

from integrations.leaflink.models.accounts import Account


class ListEntry(models.Model):
    """One entry of one of LeafLink's lists, as an account sees it.

    Ids differ between LeafLink's environments, so entries belong to an account and are never
    carried over to another.
    """

    class List(models.TextChoices):
        BRAND = "brand", "Brand"
        PRODUCT_LINE = "product_line", "Product line"
        STRAIN = "strain", "Strain"
        CATEGORY = "category", "Category"
        SUBCATEGORY = "subcategory", "Subcategory"
        LICENSE = "license", "License"
        BATCH = "batch", "Batch"
        # No list of LeafLink's names these two: they are learnt from the orders that are read.
        PAYMENT_TERM = "payment_term", "Payment term"
        PAYMENT_METHOD = "payment_method", "Payment method"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="list_entries")
    list = models.CharField(max_length=20, choices=List)
    remote_id = models.PositiveBigIntegerField("LeafLink number")
    name = models.CharField(max_length=300)
    # Of a product line its brand, of a subcategory its category, by LeafLink's number.
    parent_remote_id = models.PositiveBigIntegerField(null=True)
    gone_at = models.DateTimeField("gone since", null=True)

    class Meta:
        ordering = ["name", "remote_id"]
        verbose_name = "entry of LeafLink's lists"
        verbose_name_plural = "entries of LeafLink's lists"
        constraints = [
            models.UniqueConstraint("account", "list", "remote_id", name="list_entry_once"),
        ]
        indexes = [models.Index(fields=["account", "list", "name"], name="list_entry_by_name")]

    def __str__(self) -> str:
        return self.name
