"""What a record's admin page shows besides its form."""

from typing import Any

from django.http import HttpRequest, HttpResponse


class PageContext:
    """For admins (before ModelAdmin): the templates of a record's page also get `page_context`."""

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        """More for the page's templates. The record may not be there: then the page says so."""
        return {}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {**(extra_context or {}), **self.page_context(request, object_id)}
        answer: HttpResponse = super().change_view(  # type: ignore[misc]
            request, object_id, form_url, context
        )
        return answer
