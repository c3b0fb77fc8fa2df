"""The composition root: settings, URLs, schedules, navigation, and the starting commands."""

from django.apps import AppConfig


class ComposedConfig(AppConfig):
    name = "config"
    verbose_name = "Leafbridge"

    def ready(self) -> None:
        from config import logins, two_factor  # noqa: F401  (hear of logins)
