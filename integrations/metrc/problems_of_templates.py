"""What of transfer templates needs a person: refused, in doubt, not used, or not as the order."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone

from integrations.metrc.draft_template import State
from integrations.metrc.models import Match, TransferTemplate
from integrations.metrc.template_differences import differing
from integrations.models import Notice
from integrations.problems import Problem, Source
from orders.status import OPEN

NEEDS = "metrc.view_transfertemplate"
# A lost answer is settled within minutes, unless something hinders it.
SETTLED_BY = timedelta(minutes=15)
USED_BY = timedelta(days=3)


def _templates(**which: object) -> QuerySet[TransferTemplate]:
    rows = TransferTemplate.objects.filter(facility__account__is_active=True, **which)
    rows = rows.select_related("order__destination", "order__facility", "facility__account")
    return rows.defer("body").order_by("sent_at", "pk")


def _unmatched(**which: object) -> QuerySet[TransferTemplate]:
    """Templates in Metrc of orders whose transfer was not found."""
    matches = Match.objects.filter(order=OuterRef("order"), ended_at__isnull=True)
    return _templates(state=State.SENT, **which).filter(~Exists(matches))


def _problem(
    template: TransferTemplate, text: str, cure: str, since: datetime | None = None
) -> Problem:
    return Problem(
        key=f"template {template.pk}",
        text=f"{template.order} for {template.order.destination or 'nobody yet'}: {text}",
        cure=cure,
        url=reverse("admin:metrc_order_template", args=[template.order_id]),
        since=since or template.sent_at or template.created_at,
        connection_id=template.facility.account_id,
        waiting=1,
        value=template.order.total,
        needs=(NEEDS,),
    )


def not_sent() -> Iterator[Problem]:
    """Templates that Metrc refused, or that did not get there."""
    rows = _templates(state__in=(State.REFUSED, State.DRAFT), order__status__in=OPEN)
    for template in rows.exclude(problem=""):
        said = " ".join(template.problem.splitlines())
        who = "Metrc refused the template: " if template.state == State.REFUSED else ""
        yield _problem(template, f"{who}{said}", "Correct and send it")
    for template in _unmatched().exclude(problem=""):
        yield _problem(template, " ".join(template.problem.splitlines()), "Open the template")


def in_doubt() -> Iterator[Problem]:
    """Templates of which it has not been known for long whether Metrc has them."""
    before = timezone.now() - SETTLED_BY
    for template in _templates(state=State.ASKED, sent_at__lt=before):
        text = "whether its template arrived in Metrc is not known yet."
        yield _problem(template, text, "Look it up")
    for template in _templates(state=State.SENT, withdraw_asked_at__lt=before):
        text = "whether its template was withdrawn from Metrc is not known yet."
        yield _problem(template, text, "Look it up", template.withdraw_asked_at)


def not_used() -> Iterator[Problem]:
    """Templates that have been in Metrc for days, and no transfer was found."""
    rows = _unmatched(sent_at__lt=timezone.now() - USED_BY, order__status__in=OPEN)
    for template in rows:
        days = (timezone.now() - template.sent_at).days if template.sent_at else 0
        text = (
            f"its template has been in Metrc for {days} days, and no transfer was found. Register "
            "it there, or match the transfer by hand."
        )
        yield _problem(template, text, "Open the template")


def differ() -> Iterator[Problem]:
    """Templates in Metrc that are no longer what their orders say."""
    rows = {one.pk: one for one in _unmatched().defer(None)}
    for pk, sentences in differing(rows.values()).items():
        text = f"Metrc's template differs from the order. {' '.join(sentences)}"
        yield _problem(rows[pk], text, "Withdraw it or make a new one")


def _listed(state: State) -> str:
    return f"{reverse('admin:metrc_transfertemplate_changelist')}?state__exact={state.value}"


TRANSFER = Notice.Category.TRANSFER
SOURCES = (
    Source(
        "template_not_sent",
        "Correct transfer templates and send them",
        TRANSFER,
        not_sent,
        NEEDS,
        listed=lambda: _listed(State.REFUSED),
    ),
    Source(
        "template_differs",
        "Replace transfer templates that differ from their orders",
        TRANSFER,
        differ,
        NEEDS,
        is_urgent=True,
        listed=lambda: _listed(State.SENT),
    ),
    Source(
        "template_in_doubt",
        "Look up transfer templates whose answer was lost",
        TRANSFER,
        in_doubt,
        NEEDS,
        listed=lambda: _listed(State.ASKED),
    ),
    Source(
        "template_not_used",
        "Register transfers of templates in Metrc",
        TRANSFER,
        not_used,
        NEEDS,
        listed=lambda: _listed(State.SENT),
    ),
)
