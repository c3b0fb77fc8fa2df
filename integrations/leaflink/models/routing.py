"""Routing rules: where a LeafLink order ships from."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.db.models.signals import post_save
from django.dispatch import receiver

from catalog.models import Brand, Facility
from integrations.leaflink.models.accounts import Account


class RoutingRule(models.Model):
    """One of an account's rules, asked in order of `position`; the first that answers decides."""

    class Kind(models.TextChoices):
        DESTINATION = "destination", "The destination's default facility"
        REP = "rep", "The sales rep's default facility"
        BRAND = "brand", "All goods are of a brand"
        LICENSE = "license", "License type, or classification of the order"
        ACCOUNT = "account", "The account's default facility"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="routing_rules")
    position = models.PositiveIntegerField("order", default=100)
    kind = models.CharField("rule", max_length=12, choices=Kind)
    is_on = models.BooleanField("on", default=True)
    brand = models.ForeignKey(
        Brand, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    license_type = models.CharField(
        max_length=100, blank=True, help_text="As on the destination or the order: Medical, Retail."
    )
    facility = models.ForeignKey(
        Facility, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["account", "position", "pk"]
        constraints = [
            models.UniqueConstraint(
                "account",
                "kind",
                condition=models.Q(kind__in=("destination", "rep", "account")),
                name="routing_rule_kind_once",
                violation_error_message="The account has this rule already.",
            ),
            models.UniqueConstraint(
                "account",
                "brand",
                condition=models.Q(kind="brand"),
                name="routing_rule_brand_once",
                violation_error_message="The account has a rule for this brand already.",
            ),
            models.UniqueConstraint(
                "account",
                Lower("license_type"),
                condition=models.Q(kind="license"),
                name="routing_rule_license_once",
                violation_error_message="The account has a rule for this license type already.",
            ),
        ]

    def __str__(self) -> str:
        if self.kind == self.Kind.BRAND:
            return f"Brand {self.brand}"
        if self.kind == self.Kind.LICENSE:
            return f"License type {self.license_type}"
        return self.get_kind_display()

    def clean(self) -> None:
        self.license_type = self.license_type.strip()
        is_brand, is_license = self.kind == self.Kind.BRAND, self.kind == self.Kind.LICENSE
        problems = {}
        if is_brand and not self.brand_id:
            problems["brand"] = "Choose the brand that this rule is about."
        if is_license and not self.license_type:
            problems["license_type"] = "Give the license type that this rule is about."
        if (is_brand or is_license) and not self.facility_id:
            problems["facility"] = "Choose where such orders ship from."
        if problems:
            raise ValidationError(problems)
        # What a rule does not look at would only mislead whoever reads it.
        if not is_brand:
            self.brand = None
        if not is_license:
            self.license_type = ""
        if not (is_brand or is_license):
            self.facility = None


# What an account starts with: the rep decides, as in Flourish; Distru's toggle is there, and off.
STARTING_RULES = (
    (RoutingRule.Kind.DESTINATION, False),
    (RoutingRule.Kind.REP, True),
    (RoutingRule.Kind.ACCOUNT, True),
)


@receiver(post_save, sender=Account, dispatch_uid="leaflink-starting-rules")
def _give_starting_rules(sender: Any, instance: Account, created: bool, **kwargs: Any) -> None:
    if created:
        RoutingRule.objects.bulk_create(
            RoutingRule(account=instance, position=10 * n, kind=kind, is_on=is_on)
            for n, (kind, is_on) in enumerate(STARTING_RULES, start=1)
        )
