"""What every vendor needs: connections, work queue, runs, leases, budgets, notices."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = "Integrations"

    def ready(self) -> None:
        from integrations import own_problems, problems

        for source in own_problems.SOURCES:
            problems.register(source)
