"""The whole cycle of an account: what the schedule does every ten minutes, and buttons at once."""

from decimal import Decimal

import pytest

from integrations import work
from integrations.leases import lease
from integrations.metrc import assign_packages, jobs, send_template
from integrations.metrc.cycle import run_cycle
from integrations.metrc.draft_template import draft_for
from integrations.metrc.models import (
    Discrepancy,
    ManifestFile,
    Match,
    MetrcFacility,
    Package,
    TransferTemplate,
)
from integrations.metrc.work_kinds import PACKAGES_WORK, TRANSFERS_WORK
from integrations.models import Notice, Run, WorkItem
from integrations.wire.http import READ_ATTEMPTS
from orders.models import SalesOrder


def errors(steps):
    return {step.name: step.error for step in steps if step.error}


@pytest.fixture
def connected(metrc):
    """An account that has never read anything, with an order and packages for it in Metrc."""
    return with_an_order(metrc)


def with_an_order(metrc):
    jars = metrc.item("JAR")
    for size in (100, 50):
        metrc.package(jars, size)
    metrc.jars, metrc.sold = jars, metrc.order((jars, 150))
    return metrc


def ready_to_send(metrc, kind="Transfer", **more):
    """The order's template, with everything Metrc wants to know."""
    line = metrc.sold.lines.get()
    packages = Package.objects.values_list("pk", flat=True)
    assign_packages.assign(metrc.sold, line.pk, list(packages), by=metrc.user)
    template = draft_for(metrc.sold)
    TransferTemplate.objects.filter(pk=template.pk).update(
        transfer_type=kind,
        planned_route="North on River Rd.",
        driver_name="Rosa Whitfield",
        driver_license="D4410093",
        driver_employee_id="OCC-20417",
        vehicle_make="Ford",
        vehicle_model="Transit",
        vehicle_plate="8KLM204",
        **more,
    )
    return template


def test_from_nothing_to_a_completed_order_by_the_schedule_alone(connected):
    metrc = connected
    jobs.poll()
    assert Package.objects.count() == 2
    assert metrc.facility.transfer_types.exists()
    assert Package.objects.filter(metrc_item__item=metrc.jars).count() == 2

    template = ready_to_send(metrc)
    send_template.send(template.pk, by=metrc.user)
    [remote] = metrc.world.templates.values()
    assert remote.name == metrc.sold.number
    transfer = metrc.world.register(remote.id)
    jobs.poll()
    work.drain()
    order = SalesOrder.objects.get(pk=metrc.sold.pk)
    assert order.status == "completed"
    match = Match.objects.get(order=order)
    assert match.delivery.transfer.manifest_number == transfer.manifest_number
    assert bytes(ManifestFile.objects.get().content).startswith(b"%PDF")

    metrc.world.receive(transfer.id, short={transfer.labels[0]: 40})
    jobs.poll()
    assert Discrepancy.objects.filter(match=match, kind="short").exists()
    kinds = set(Run.objects.values_list("kind", "outcome"))
    assert kinds == {(kind, "done") for kind in ("lists", "packages", "templates", "transfers")}


def test_in_a_state_that_wants_weights_and_names_no_template(michigan):
    metrc = with_an_order(michigan)
    jobs.poll()
    template = ready_to_send(
        metrc, "Wholesale Transfer", gross_weight=Decimal("12.5"), gross_weight_unit="Pounds"
    )
    send_template.send(template.pk, by=metrc.user)
    [remote] = metrc.world.templates.values()
    assert remote.deliveries[0].gross_weight == Decimal("12.5")
    metrc.world.register(remote.id)
    jobs.poll()
    work.drain()
    assert SalesOrder.objects.get(pk=metrc.sold.pk).status == "completed"
    assert Match.objects.get().how == "labels"
    assert bytes(ManifestFile.objects.get().content).startswith(b"%PDF")


def test_a_second_cycle_changes_nothing(connected):
    assert errors(run_cycle(connected.account)) == {}
    connected.calls()
    steps = run_cycle(connected.account)
    assert [step.name for step in steps] == ["packages", "templates", "transfers"]
    assert Run.objects.filter(kind="packages").first().changed == 0
    assert connected.calls("POST") == []


def test_a_missing_permission_is_named_and_the_other_steps_go_on(connected):
    metrc = connected
    metrc.world.set_permissions("user-key-of-dana", ["View Packages"])
    steps = {step.name: step for step in run_cycle(metrc.account)}
    assert steps["packages"].error == ""
    assert steps["transfers"].is_refused
    assert Package.objects.count() == 2
    [notice] = Notice.objects.filter(category="credentials", resolved_at__isnull=True)
    assert "Transfers" in notice.text
    assert "Harborlight Distribution" in notice.text

    metrc.world.set_permissions(
        "user-key-of-dana",
        ["View Packages", "Manage Transfers", "Manage Transfer Templates", "Transporters"],
    )
    run_cycle(metrc.account)
    assert not Notice.objects.filter(category="credentials", resolved_at__isnull=True).exists()


def test_a_revoked_key_is_one_notice(connected):
    connected.world.revoke_user_key("user-key-of-dana")
    steps = run_cycle(connected.account)
    assert all(step.error for step in steps if step.name != "templates")
    [notice] = Notice.objects.filter(category="credentials", resolved_at__isnull=True)
    assert "key" in notice.text
    run_cycle(connected.account)
    assert Notice.objects.filter(category="credentials").count() == 1


def test_metrc_away_is_tried_again(connected):
    for _ in range(READ_ATTEMPTS):
        connected.faults.next("500", method="GET", path="/packages")
    steps = run_cycle(connected.account, ["packages"])
    assert "packages" in errors(steps)
    assert not Package.objects.exists()
    assert errors(run_cycle(connected.account, ["packages"])) == {}
    assert Package.objects.count() == 2


def test_buttons_ask_the_queue_for_one_license(connected):
    metrc = connected
    run_cycle(metrc.account, ["lists"])
    work.ask(metrc.account.pk, PACKAGES_WORK, [str(metrc.facility.pk)], WorkItem.Priority.ORDERS)
    work.ask(metrc.account.pk, TRANSFERS_WORK, [str(metrc.facility.pk)], WorkItem.Priority.ORDERS)
    assert work.drain() >= 2
    assert not WorkItem.objects.exists()
    assert Package.objects.count() == 2
    assert MetrcFacility.objects.get().transfers_until


def test_who_is_busy_is_left_alone(connected):
    with lease(f"metrc account {connected.account.pk}"):
        jobs.poll()
        work.ask(
            connected.account.pk,
            PACKAGES_WORK,
            [str(connected.facility.pk)],
            WorkItem.Priority.ORDERS,
        )
        work.drain()
    assert not Package.objects.exists()
    assert WorkItem.objects.get().stuck_at is None


def test_an_inactive_account_reads_nothing(connected):
    connected.account.is_active = False
    connected.account.save()
    jobs.poll()
    assert connected.calls() == []
