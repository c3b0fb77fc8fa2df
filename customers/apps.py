"""Whom we sell to (destinations), and who sells (sales reps)."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = "Customers"
