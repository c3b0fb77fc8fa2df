"""How much of what could be sold is kept back from LeafLink, and how much is shown at the most."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from integrations.leaflink.mapping.stock_rules import Rule


def _amount(label: str, help_text: str, **options: Any) -> Any:
    return models.DecimalField(
        label,
        max_digits=options.pop("max_digits", 14),
        decimal_places=options.pop("decimal_places", 4),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0)), *options.pop("validators", [])],
        help_text=help_text,
    )


class StockRule(models.Model):
    """The rule of an account, of one of its brands, or of one item; the closest one counts."""

    safety_units = _amount("kept back, in units", "Base units that are never shown in LeafLink.")
    safety_percent = _amount(
        "kept back, in percent",
        "Of what is on hand; rounded up to whole units.",
        max_digits=5,
        decimal_places=2,
        validators=[MaxValueValidator(Decimal(100))],
    )
    most_shown = _amount("shown at the most", "Base units; LeafLink never offers more than that.")

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        if self.safety_units is not None and self.safety_percent is not None:
            raise ValidationError(
                {"safety_percent": "Keep back either units or percent: leave one of them empty."}
            )

    @property
    def rule(self) -> Rule:
        """The same as plain numbers."""
        said = (self.safety_units, self.safety_percent, self.most_shown)
        return Rule(*(None if one is None else Decimal(one) for one in said))
