"""An order's manifest as a PDF, and a page that says so when it is not there yet."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.permissions import require
from customers.own import sees_only_own
from integrations.metrc import fetch_manifest
from integrations.metrc.models import Delivery, ManifestFile, Match, Transfer
from integrations.metrc.order_steps import match_of, steps_of
from integrations.metrc.work_kinds import MANIFEST_WORK
from integrations.models import WorkItem
from orders.models import SalesOrder


@require_GET
def manifest(request: HttpRequest, order_id: int) -> HttpResponse:
    """The PDF, shown by the browser; without one a page with the button that fetches it."""
    require(request, "metrc.view_match")
    order = get_object_or_404(SalesOrder, pk=order_id)
    match = match_of(order)
    transfer = match.delivery.transfer if match else None
    if transfer and sees_only_own(request.user) and _names_others(transfer, order):
        raise PermissionDenied("The manifest names customers of other reps. Ask the back office.")
    kept = ManifestFile.objects.filter(transfer=transfer).first() if transfer else None
    if kept and transfer:
        answer = HttpResponse(bytes(kept.content), content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="{filename(transfer)}"'
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, no-cache"
        return answer
    context = {
        **admin.site.each_context(request),
        "title": f"Manifest of order {order.number}",
        "opts": SalesOrder._meta,
        "order": order,
        "steps": steps_of(order, request, here="match"),
        "transfer": transfer,
        "work": _work(transfer) if transfer else None,
        "may_fetch": request.user.has_perm("metrc.sync_metrcaccount"),
        "back": reverse("admin:orders_salesorder_change", args=[order_id]),
    }
    return TemplateResponse(request, "admin/metrc/manifest_missing.html", context)


@require_POST
def fetch(request: HttpRequest, order_id: int) -> HttpResponse:
    """Have the manifest fetched; pressed twice it is fetched once."""
    require(request, "metrc.view_match", "metrc.sync_metrcaccount")
    match = match_of(get_object_or_404(SalesOrder, pk=order_id))
    if match is None:
        messages.error(request, "The order has no transfer yet, so there is no manifest to fetch.")
    else:
        fetch_manifest.ask(match.delivery.transfer)
        messages.info(request, "The manifest is being fetched from Metrc. Reload in a minute.")
    return HttpResponseRedirect(reverse("admin:metrc_order_manifest", args=[order_id]))


def _names_others(transfer: Transfer, order: SalesOrder) -> bool:
    """Whether others' goods are on the transfer too: another stop, or another order's."""
    stops = Delivery.objects.filter(transfer=transfer, is_listed=True)
    others = Match.objects.filter(delivery__transfer=transfer, ended_at__isnull=True)
    return stops.count() > 1 or others.exclude(order=order).exists()


def filename(transfer: Transfer) -> str:
    """What the file is called when it is saved ("Manifest 0002450117.pdf")."""
    number = "".join(sign for sign in transfer.manifest_number if sign.isascii() and sign.isalnum())
    return f"Manifest {number or transfer.remote_id}.pdf"


def _work(transfer: Transfer) -> WorkItem | None:
    """What the queue has to say about fetching it."""
    return WorkItem.objects.filter(kind=MANIFEST_WORK, key=str(transfer.pk)).first()


VIEWS = [
    ("manifest/", manifest, "manifest"),
    ("manifest/fetch/", fetch, "manifest_fetch"),
]
