"""Back to where one came from, after a page that was opened to mend something."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme


def where_from(request: HttpRequest) -> str:
    """The address in `?next=`, when it is one of ours; else ""."""
    address = request.GET.get("next", "")
    return address if url_has_allowed_host_and_scheme(address, {request.get_host()}) else ""


class ReturnsToCaller:
    """For admin pages: *Save* leads back to the page that linked here with `?next=`."""

    def response_add(self, request: HttpRequest, obj: Any, *args: Any) -> HttpResponse:
        answer: HttpResponse = super().response_add(request, obj, *args)  # type: ignore[misc]
        return self._back(request, answer)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        answer: HttpResponse = super().response_change(request, obj)  # type: ignore[misc]
        return self._back(request, answer)

    def _back(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        address = where_from(request)
        return HttpResponseRedirect(address) if address and "_save" in request.POST else answer
