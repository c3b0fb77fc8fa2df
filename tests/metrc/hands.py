"""What tests of orders' transfers share: reading Metrc, a matched order, and what a page says."""

from decimal import Decimal

from django.contrib.auth.models import Permission

from catalog.models import Stock
from integrations.metrc import assign_packages, match_transfers, reconcile
from integrations.metrc.models import Delivery, Discrepancy
from integrations.metrc.pull_transfers import pull_transfers
from integrations.runs import Recorder


def read(metrc):
    """Read the license's transfers, as the job does."""
    metrc.facility.refresh_from_db()
    run = Recorder()
    pull_transfers(metrc.facility, metrc.client(), run)
    assert not run.problems


def assign(filled, by=None):
    """Put the fixture's packages to its order's lines: the jars' two, the gummies' one."""
    jars, gummies = filled.order.lines.all()
    one, two, three = filled.packages
    assign_packages.assign(filled.order, jars.pk, [one.pk, two.pk], by=by)
    assign_packages.assign(filled.order, gummies.pk, [three.pk], by=by)


def matched(metrc, filled, *, by=None):
    """The order, matched with a transfer of its packages; returns the match and Metrc's side."""
    assign(filled)
    remote = metrc.shipped(filled.order, *(one.label for one in filled.packages))
    read(metrc)
    delivery = Delivery.objects.get(transfer__remote_id=remote.id)
    found = match_transfers.match(filled.order.pk, delivery.pk, how="labels", by=by)
    filled.order.refresh_from_db()
    return found, remote


def received(metrc, match, remote, **what):
    """The customer takes it in; it is read, and what is not whole is noted."""
    metrc.world.receive(remote.id, **what)
    read(metrc)
    reconcile.note_discrepancies(match)
    return differences(match)


def differences(match):
    rows = Discrepancy.objects.filter(match=match).order_by("pk")
    return {(row.label, row.kind): Decimal(row.quantity) for row in rows}


def on_hand(item):
    return sum(Decimal(row.on_hand) for row in Stock.objects.filter(item=item))


def history(order):
    return [row.reason for row in order.status_changes.order_by("pk")]


def may(user, *labels):
    """Give a user these permissions."""
    for label in labels:
        app, codename = label.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user
