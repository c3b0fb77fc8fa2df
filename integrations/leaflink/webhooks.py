"""LeafLink's webhooks: verify, store, ask for the work, answer. Nothing else happens here.

The URL names the account by an unguessable id; the signature is checked over the raw bytes before
anything is read. A request that doesn't pass leaves no row behind.
"""

import hashlib
import json
import logging
import uuid

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from integrations import work
from integrations.leaflink.mirror_orders import expect_order
from integrations.leaflink.models import Account, WebhookDelivery
from integrations.leaflink.wire import payloads, signature
from integrations.leaflink.wire.errors import BadPayload
from integrations.leaflink.work_kinds import ORDER_WORK, PRODUCT_WORK
from integrations.models import WorkItem

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def receive(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """Take in one webhook. 403 unless it is signed with the account's webhook key."""
    body = request.body
    account = Account.objects.filter(webhook_id=webhook_id, is_active=True).first()
    key = account.webhook_key if account else ""
    if not signature.is_valid(key, body, request.headers.get("LL-Signature", "")) or not account:
        logger.warning("webhook refused", extra={"account": account.pk if account else None})
        if account and account.in_setup and request.headers.get("LL-Signature"):
            # Whoever sets it up wants to know that LeafLink signs with another key.
            Account.objects.filter(pk=account.pk).update(webhook_refused_at=timezone.now())
        return HttpResponse("The signature does not fit.", status=403, content_type="text/plain")
    _store(account, body)
    return HttpResponse("ok", content_type="text/plain")


def _store(account: Account, body: bytes) -> None:
    delivery = WebhookDelivery(
        account=account,
        sha256=hashlib.sha256(body).hexdigest(),
        # PostgreSQL's text holds no NUL; the fingerprint is of the bytes as they came.
        body=body.decode("utf-8", "replace").replace("\x00", "�"),
    )
    try:
        hook = payloads.parse(payloads.Webhook, json.loads(body))
        delivery.kind, delivery.action, delivery.key = hook.type, hook.action[:20], hook.key
    except (ValueError, RecursionError, BadPayload) as error:
        delivery.problem = str(error) or "It is nested too deeply."
    with transaction.atomic():
        delivery.save()
        Account.objects.filter(pk=account.pk).update(last_webhook_at=timezone.now())
        if account.in_setup:
            return  # that it came is all that matters now; going live reads everything
        if delivery.kind == "order" and delivery.key:
            expect_order(account, delivery.key)
            work.ask(account.pk, ORDER_WORK, [delivery.key], WorkItem.Priority.ORDERS)
        elif delivery.key:
            work.ask(account.pk, PRODUCT_WORK, [delivery.key], WorkItem.Priority.REST)
