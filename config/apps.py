"""The composition root: settings, URLs, schedules, navigation, and the starting commands."""

from django.apps import AppConfig


class ComposedConfig(AppConfig):
    name = "config"
    verbose_name = "Leafbridge"
