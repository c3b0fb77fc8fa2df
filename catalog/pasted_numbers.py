"""Searching by a number as people paste it: with a hash sign or blanks around it."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest


class FindsPastedNumbers:
    """For admin pages of things that people call by a number."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found: tuple[QuerySet[Any], bool] = super().get_search_results(  # type: ignore[misc]
            request, queryset, search_term.strip().lstrip("#")
        )
        return found
