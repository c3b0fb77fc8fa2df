"""What was changed in an account's rules, by whom and when."""

from typing import Any

from django.conf import settings
from django.db import models

from integrations.leaflink.models.accounts import Account


class RuleChange(models.Model):
    """One rule that got another value. The words are those of that moment: what they name may have
    been renamed or deleted since."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="rule_changes")
    rule = models.CharField(max_length=60)
    # The brand or routing rule, where it is not about the account itself.
    about = models.CharField(max_length=300, blank=True)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    old_words = models.TextField("before")
    new_words = models.TextField("after")
    # How it came about: "Distru style", "Set-up"; "" on the page of rules.
    by_way_of = models.CharField(max_length=60, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField("when", auto_now_add=True)
    undoes = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, related_name="undone_by"
    )

    class Meta:
        default_permissions = ()  # seen and made with those for accounts
        ordering = ["-at", "-pk"]
        verbose_name = "change of a rule"
        verbose_name_plural = "changes of rules"
        indexes = [models.Index(fields=["account", "rule", "-at"], name="rule_change_newest")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.old_words} → {self.new_words}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A change of a rule is kept as it happened.")
        super().save(*args, **kwargs)
