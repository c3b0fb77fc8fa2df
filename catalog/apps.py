"""What we make, where it lies, and how much of it can be sold."""

from django.apps import AppConfig
from django.urls import register_converter

from catalog.natural import IdConverter


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "Catalog"

    def ready(self) -> None:
        register_converter(IdConverter, "id")
