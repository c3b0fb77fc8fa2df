"""Everything Metrc. Delete this folder and Metrc is gone."""

from django.apps import AppConfig


class MetrcConfig(AppConfig):
    name = "integrations.metrc"
    label = "metrc"
    verbose_name = "Metrc"

    def ready(self) -> None:
        from integrations import problems
        from integrations.metrc import (
            hints,
            jobs,
            problems_of_accounts,
            problems_of_packages,
            problems_of_templates,
            problems_of_transfers,
            record_pages,
        )

        jobs.register_work()
        record_pages.register()
        hints.listen()
        for module in (
            problems_of_accounts,
            problems_of_packages,
            problems_of_templates,
            problems_of_transfers,
        ):
            for source in module.SOURCES:
                problems.register(source)
