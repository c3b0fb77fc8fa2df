"""Everything LeafLink. Delete this folder and LeafLink is gone."""

from django.apps import AppConfig


class LeafLinkConfig(AppConfig):
    name = "integrations.leaflink"
    label = "leaflink"
    verbose_name = "LeafLink"

    def ready(self) -> None:
        from integrations import problems
        from integrations.leaflink import (
            hints,
            jobs,
            problems_of_accounts,
            problems_of_orders,
            problems_of_products,
            record_pages,
            whose,  # noqa: F401  (declares its rules)
        )

        jobs.register_work()
        record_pages.register()
        hints.listen()
        for module in (problems_of_accounts, problems_of_orders, problems_of_products):
            for source in module.SOURCES:
                problems.register(source)
