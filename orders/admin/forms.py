"""Forms on a sales order's page: its terms, and a payment for it."""

import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from django.utils import timezone

from orders.models import Payment, PaymentTerm, SalesOrder
from orders.terms import LABELS

_INPUT = {"class": "lb-input"}


def _day_input() -> forms.DateInput:
    """The browser's own picker, which takes days written like 2026-11-25."""
    return forms.DateInput({**_INPUT, "type": "date"}, format="%Y-%m-%d")


class PlainForm(forms.Form):
    """A form whose errors go into messages, each naming its field."""

    def in_words(self) -> list[str]:
        """The errors in sentences."""
        return [
            f"{self[name].label}: {text}" if name in self.fields else str(text)
            for name, texts in self.errors.items()
            for text in texts
        ]


class TermsForm(PlainForm):
    """The delivery and payment terms. `initial-…` fields carry what the page showed, so that saving
    an old page writes only what was changed on it."""

    delivery_date = forms.DateField(
        label=LABELS["delivery_date"],
        required=False,
        widget=_day_input(),
    )
    shipping_details = forms.CharField(
        label=LABELS["shipping_details"],
        required=False,
        max_length=2000,
        widget=forms.Textarea({**_INPUT, "rows": 2}),
    )
    payment_term = forms.ChoiceField(
        label=LABELS["payment_term"],
        required=False,
        choices=[("", "None"), *PaymentTerm.choices],
        widget=forms.Select(_INPUT),
    )
    payment_due_on = forms.DateField(
        label=LABELS["payment_due_on"],
        required=False,
        widget=_day_input(),
    )

    def __init__(self, order: SalesOrder, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(order, name) for name in LABELS})
        self.placed_on = timezone.localdate(order.placed_at)
        for name in LABELS:
            self.fields[name].show_hidden_initial = True
        if order.payment_term:
            # It can be changed, not emptied: LeafLink knows no empty term.
            field = self.fields["payment_term"]
            field.choices = PaymentTerm.choices  # type: ignore[attr-defined]
            field.required = True

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        touched = {"shipping_details", "delivery_date"} & set(self.changed_data)
        lacks_day = not data.get("delivery_date") and "delivery_date" not in self.errors
        if touched and data.get("shipping_details") and lacks_day:
            self.add_error("delivery_date", "Give the day too: details go with a delivery.")
        for name in ("delivery_date", "payment_due_on"):
            day = data.get(name)
            if day and name in self.changed_data and day < self.placed_on:
                self.add_error(
                    name, f"The order was placed on {self.placed_on:%b %-d, %Y}: give a later day."
                )
        return data

    def changes(self) -> dict[str, Any]:
        """What was changed on the page, ready to be written."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class PaymentForm(PlainForm):
    """A payment to be recorded; `token` names the attempt, so that it is recorded once."""

    amount = forms.DecimalField(
        max_digits=14,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"))],
        widget=forms.NumberInput({**_INPUT, "step": "0.01", "min": "0.01"}),
    )
    method = forms.ChoiceField(
        label="Paid by", choices=Payment.Method.choices, widget=forms.Select(_INPUT)
    )
    paid_on = forms.DateField(label="Paid on", widget=_day_input())
    reference = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput({**_INPUT, "placeholder": "Check number, transfer id"}),
    )
    may_exceed = forms.BooleanField(label="More than is owed is right", required=False)
    token = forms.UUIDField(widget=forms.HiddenInput)

    @classmethod
    def of(cls, balance: Decimal) -> "PaymentForm":
        """The form, offering what is still to be paid (`balance`, in money), today."""
        return cls(
            initial={
                "amount": max(balance, 0) or None,
                "paid_on": timezone.localdate(),
                "method": Payment.Method.CHECK,
                "token": uuid.uuid4(),
            },
            auto_id="pay-%s",
        )
