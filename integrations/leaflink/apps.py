"""Everything LeafLink. Delete this folder and LeafLink is gone."""

from django.apps import AppConfig


class LeafLinkConfig(AppConfig):
    name = "integrations.leaflink"
    label = "leaflink"
    verbose_name = "LeafLink"

    def ready(self) -> None:
        from integrations.leaflink import hints, jobs, whose  # noqa: F401  (declares its rules)

        jobs.register_work()
        hints.listen()
