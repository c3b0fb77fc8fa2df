"""LeafLink's webhooks: verify, store, ask for the work, answer. Nothing else happens here.

The URL names the account by an unguessable id; the signature is checked over the raw bytes before
anything is read. A request that doesn't pass is counted (see `webhook_refusals`) and leaves nothing
else behind; one to an address that was never an account's isn't even counted.
"""

import hashlib
import json
import logging
import uuid

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from structlog.contextvars import bound_contextvars

from integrations import work
from integrations.encryption import WrongEncryptionKey
from integrations.leaflink import webhook_refusals
from integrations.leaflink.mirror_orders import expect_order
from integrations.leaflink.models import Account, WebhookDelivery, WebhookRefusal
from integrations.leaflink.wire import payloads, signature
from integrations.leaflink.work_kinds import ORDER_WORK, PRODUCT_WORK
from integrations.models import WorkItem
from integrations.wire.errors import BadPayload

logger = logging.getLogger(__name__)
Why = WebhookRefusal.Why
# For people who open the address in a browser, to see whether it is reachable from outside.
REACHED = "You have reached Leafbridge. LeafLink sends its webhooks to this address; all is well."


@csrf_exempt
def receive(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """Take in one webhook. 403 unless it is signed with the account's webhook key."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"], REACHED, content_type="text/plain")
    account = (
        Account.objects.filter(webhook_id=webhook_id)
        .only("is_active", "in_setup", "webhook_key", "last_webhook_at")
        .first()
    )
    if account is None:
        return _refuse(None)
    try:
        body = request.body
    except RequestDataTooBig:
        return _refuse(account, Why.TOO_LARGE, 413)
    except UnreadablePostError:
        # The other side hung up; nobody hears the answer.
        return HttpResponse("The body did not arrive.", status=400, content_type="text/plain")
    why = _reason_to_refuse(account, body, request.headers.get("LL-Signature", ""))
    if why:
        return _refuse(account, why)
    try:
        with bound_contextvars(account=account.pk):
            _store(account, body)
    except Exception:
        # LeafLink gets a 500 and tries again.
        webhook_refusals.count(account, Why.NOT_STORED)
        raise
    return HttpResponse("ok", content_type="text/plain")


def _reason_to_refuse(account: Account, body: bytes, given: str) -> Why | None:
    try:
        key = account.webhook_key
    except WrongEncryptionKey:
        return Why.KEY_LOST
    fits = signature.is_valid(key, body, given)
    if not account.is_active:
        return Why.SWITCHED_OFF
    if not key:
        return Why.NO_KEY
    if fits:
        return None
    return Why.WRONG_SIGNATURE if given.strip() else Why.NO_SIGNATURE


def _refuse(account: Account | None, why: Why | None = None, status: int = 403) -> HttpResponse:
    """The answer is the same whatever the reason, but for a body that is too large."""
    if account and why:
        webhook_refusals.count(account, why)
    logger.warning(
        "webhook refused", extra={"account": account.pk if account else None, "why": why}
    )
    text = "The body is too large." if status == 413 else "The signature does not fit."
    return HttpResponse(text, status=status, content_type="text/plain")


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
    about = "order" if delivery.kind == "order" else "key"
    with bound_contextvars(**{about: delivery.key}), transaction.atomic():
        delivery.save()
        Account.objects.filter(pk=account.pk).update(last_webhook_at=timezone.now())
        if account.in_setup:
            return  # that it came is all that matters now; going live reads everything
        if delivery.kind == "order" and delivery.key:
            expect_order(account, delivery.key)
            work.ask(account.pk, ORDER_WORK, [delivery.key], WorkItem.Priority.ORDERS)
        elif delivery.key:
            work.ask(account.pk, PRODUCT_WORK, [delivery.key], WorkItem.Priority.REST)
