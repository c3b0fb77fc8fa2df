"""What every vendor needs: connections, work queue, runs, leases, budgets, notices."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = "Integrations"
