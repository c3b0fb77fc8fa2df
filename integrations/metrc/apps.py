"""Everything Metrc. Delete this folder and Metrc is gone."""

from django.apps import AppConfig


class MetrcConfig(AppConfig):
    name = "integrations.metrc"
    label = "metrc"
    verbose_name = "Metrc"
