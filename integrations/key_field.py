"""The field in which keys are pasted."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget


class KeyField(forms.CharField):
    """A key that is pasted and never shown again; left empty, the old one stays.

    `vendor` is what people call the one it is copied from ("LeafLink").
    """

    def __init__(self, vendor: str, **kwargs: Any) -> None:
        self.vendor = vendor
        super().__init__(
            required=False,
            strip=True,
            max_length=500,
            # Not even a form with an error shows what was pasted.
            widget=UnfoldAdminPasswordWidget(
                attrs={"autocomplete": "new-password"}, render_value=False
            ),
            **kwargs,
        )

    def clean(self, value: Any) -> str:
        key: str = super().clean(value)
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise forms.ValidationError(
                f"It holds blanks or characters that no key has. Copy it from {self.vendor} again."
            )
        return key
