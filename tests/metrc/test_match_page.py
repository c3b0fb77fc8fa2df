"""Matching by hand: likely ones first, packages to lines, a summary that is kept; unmatching."""

from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import inventory
from integrations.metrc import match_transfers
from integrations.metrc.mapping.place_packages import OpenLine, ToPlace, place
from integrations.metrc.models import Delivery, Match, PackageAssignment, PossibleMatch
from integrations.metrc.problems_of_transfers import possible, voided, waiting
from integrations.metrc.work_kinds import TRANSFERS_WORK
from integrations.models import WorkItem
from orders import services
from orders.models import SalesOrder
from tests.leaflink.pages import text_of, url
from tests.metrc.hands import assign, history, matched, may, read, received

quantities = st.integers(0, 60).map(Decimal)
items = st.sampled_from([1, 2, None])


@settings(max_examples=30)
@given(
    st.lists(st.tuples(items, quantities), max_size=4),
    st.lists(st.tuples(items, st.none() | quantities, st.booleans()), max_size=8),
)
def test_no_line_gets_another_item_or_more_than_is_left(rows, parcels):
    lines = [OpenLine(pk, item, left) for pk, (item, left) in enumerate(rows, start=1)]
    packages = [
        ToPlace(f"T{n}", item, quantity, 99 if there else None)
        for n, (item, quantity, there) in enumerate(parcels)
    ]
    placed = place(lines, packages)
    assert set(placed) == {one.label for one in packages}
    for line in lines:
        mine = [p for p in packages if placed[p.label] == line.id]
        assert all(p.item_id == line.item_id for p in mine)
        assert sum(p.quantity for p in mine) <= line.left
    assert all(placed[p.label] == 99 for p in packages if p.line_id)


@pytest.fixture
def found(client, metrc, filled):
    """A transfer in Metrc with the order's packages, none of which is assigned here."""
    filled.labels = [one.label for one in filled.packages]
    filled.remote = metrc.shipped(filled.order, *filled.labels)
    read(metrc)
    filled.delivery = Delivery.objects.get()
    client.force_login(metrc.user)
    return filled


def page(order):
    return url("metrc_order_match", order.pk)


def step(found, name="choose"):
    return url(f"metrc_order_match_{name}", found.order.pk, found.delivery.pk)


def chosen(client, found):
    """What the step offers, as the form would send it."""
    rows = client.get(step(found)).context["proposal"].rows
    return {f"line-{row.listed.label}": row.line_id or "" for row in rows if row.can_be_placed}


def test_from_the_list_to_a_matched_order(client, metrc, found):
    jars, gummies = found.order.lines.all()
    text = text_of(client.get(page(found.order)))
    assert found.remote.manifest_number in text
    assert "Copper Lantern" in text
    data = chosen(client, found)
    assert list(data.values()) == [jars.pk, jars.pk, gummies.pk]
    summary = text_of(client.post(step(found, "check"), data))
    assert "The order becomes completed" in summary
    assert not Match.objects.exists()
    assert not PackageAssignment.objects.exists()
    found.order.refresh_from_db()
    assert found.order.status == "allocated"
    for _ in range(2):
        answer = client.post(step(found, "check"), {**data, "confirm": "1"}, follow=True)
    match = Match.objects.get()
    assert (match.how, match.matched_by, match.ended_at) == ("hand", metrc.user, None)
    assert SalesOrder.objects.get().status == "completed"
    assigned = PackageAssignment.objects.filter(ended_at__isnull=True)
    assert {(one.package.label, one.line_id) for one in assigned} == set(
        zip(found.labels, [jars.pk, jars.pk, gummies.pk], strict=True)
    )
    text = text_of(answer)
    assert found.remote.manifest_number in text
    assert "By hand" in text
    assert "On the way" in text
    assert WorkItem.objects.filter(kind="metrc_manifest").count() == 1


def test_a_package_that_does_not_fit_is_refused_and_nothing_is_changed(client, found):
    jars, gummies = found.order.lines.all()
    data = {**chosen(client, found), f"line-{found.labels[0]}": gummies.pk}
    for more in ({}, {"confirm": "1"}):
        answer = client.post(step(found, "check"), {**data, **more})
        assert "is of" in text_of(answer)
        assert answer.context["proposal"].rows[0].line_id == gummies.pk
    assert not Match.objects.exists()
    assert not PackageAssignment.objects.exists()
    assert jars.package_assignments.count() == 0


def test_what_is_extra_and_what_is_missing_is_named(client, metrc, filled):
    assign(filled)
    extra = metrc.ours(filled.jars, 7)
    labels = [one.label for one in filled.packages]
    metrc.shipped(filled.order, *labels[:2], extra.label)
    read(metrc)
    filled.delivery = Delivery.objects.get()
    client.force_login(metrc.user)
    text = text_of(client.get(step(filled)))
    assert f"Not on the transfer {labels[2]}" in text
    summary = text_of(client.post(step(filled, "check"), chosen(client, filled)))
    assert f"On no line: {extra.label}" in summary
    assert "Item GUM: no package of this delivery" in summary
    assert f"not on the transfer: {labels[2]}" in summary


def test_an_order_that_cannot_go_on_is_matched_and_waits(client, metrc, found):
    order = metrc.order((found.jars, 150), allocate=False)
    services.deallocate(found.order, by=None)
    inventory.count(found.jars, metrc.shop, Decimal(40))
    found.order = order
    data = chosen(client, found)
    summary = text_of(client.post(step(found, "check"), data))
    assert "It waits: Item JAR: 40 of 150 units are set aside" in summary
    answer = client.post(step(found, "check"), {**data, "confirm": "1"}, follow=True)
    assert "The order waits" in text_of(answer)
    (problem,) = waiting()
    assert f"{order} is on manifest {found.remote.manifest_number}" in problem.text


def test_a_package_moves_to_another_line_and_off(client, metrc, found):
    twin = metrc.order((found.jars, 100), (found.jars, 50))
    found.order = twin
    one, two = twin.lines.all()
    data = {f"line-{label}": "" for label in found.labels}
    big, small = (f"line-{label}" for label in found.labels[:2])
    address = step(found, "check")
    client.post(address, {**data, big: one.pk, small: two.pk, "confirm": "1"})
    where = dict(
        PackageAssignment.objects.filter(ended_at__isnull=True).values_list(
            "package__label", "line"
        )
    )
    assert where == {found.labels[0]: one.pk, found.labels[1]: two.pk}
    client.post(address, {**data, big: "", small: one.pk, "confirm": "1"})
    where = dict(
        PackageAssignment.objects.filter(ended_at__isnull=True).values_list(
            "package__label", "line"
        )
    )
    assert where == {found.labels[1]: one.pk}
    assert Match.objects.count() == 1


def test_a_delivery_to_somebody_else_is_warned_of(client, metrc, found):
    metrc_order = metrc.order((found.jars, 150), to=metrc.other)
    found.order = metrc_order
    assert "In Metrc it goes to Copper Lantern" in text_of(client.get(step(found)))


def test_a_voided_transfer_is_refused_with_the_cure(client, metrc, found):
    data = chosen(client, found)
    metrc.world.void(found.remote.id)
    read(metrc)
    assert "voided in Metrc" in text_of(client.post(step(found, "check"), data))


def test_search_by_a_part_of_the_number(client, found):
    number = found.remote.manifest_number
    offers = client.get(page(found.order), {"q": number[-5:]}).context["offers"]
    assert [one.delivery.pk for one in offers] == [found.delivery.pk]
    assert client.get(page(found.order), {"q": "nothing"}).context["offers"] == []


def test_possible_ones_come_first_and_a_no_is_kept(client, metrc, filled):
    assign(filled)
    extra = metrc.ours(filled.jars, 7)
    labels = [one.label for one in filled.packages]
    metrc.shipped(filled.order, *labels[:2], extra.label)
    read(metrc)
    match_transfers.look(metrc.facility)
    row = PossibleMatch.objects.get()
    assert [problem.url for problem in possible()] == [page(filled.order)]
    client.force_login(metrc.user)
    text = text_of(client.get(page(filled.order)))
    assert f"Without the order's packages {labels[2]}" in text
    assert text.count(extra.label) == 1
    address = url("metrc_order_match_dismiss", filled.order.pk)
    assert client.get(address).status_code == 405
    for words in ("Noted", "not in question any more"):
        assert words in text_of(client.post(address, {"possible": row.pk}, follow=True))
    row.refresh_from_db()
    assert row.dismissed_by == metrc.user
    assert list(possible()) == []


def test_unmatching_asks_why_and_keeps_the_packages(client, metrc, filled):
    match, _ = matched(metrc, filled, by=metrc.user)
    client.force_login(metrc.user)
    address = url("metrc_order_match_unmatch", filled.order.pk)
    assert "Say why" in text_of(client.post(address, {"match": match.pk}, follow=True))
    data = {"match": match.pk, "reason": "The wrong truck"}
    for words in ("stay assigned", "not matched with it any more"):
        assert words in text_of(client.post(address, data, follow=True))
    match.refresh_from_db()
    assert (match.ended_by, match.end_reason) == (metrc.user, "The wrong truck")
    assert PackageAssignment.objects.filter(ended_at__isnull=True).count() == 3
    assert "The wrong truck" in text_of(client.get(page(filled.order)))
    assert "The wrong truck" in history(filled.order)[-1]


def test_once_goods_came_back_the_page_says_why_the_match_stays(client, metrc, filled):
    match, remote = matched(metrc, filled)
    received(metrc, match, remote, reject=[filled.packages[2].label])
    metrc.world.return_rejected(remote.id)
    read(metrc)
    client.force_login(metrc.user)
    text = text_of(client.get(page(filled.order)))
    assert "so the match stays" in text
    assert "Why is it unmatched?" not in text
    address = url("metrc_order_match_unmatch", filled.order.pk)
    client.post(address, {"match": match.pk, "reason": "No"}, follow=True)
    match.refresh_from_db()
    assert match.ended_at is None


def test_looking_in_metrc_is_asked_for_once(client, metrc, filled):
    client.force_login(metrc.user)
    address = url("metrc_order_match_look", filled.order.pk)
    for _ in range(2):
        text = text_of(client.post(address, follow=True))
    assert "being read from Metrc" in text
    (item,) = WorkItem.objects.filter(kind=TRANSFERS_WORK)
    assert item.key == str(metrc.facility.pk)
    assert client.get(address).status_code == 405


def test_acting_needs_more_than_looking(client, metrc, found, django_user_model):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(page(found.order)).status_code == 403
    may(clerk, "metrc.view_match")
    answer = client.get(page(found.order))
    assert "offers" not in answer.context
    assert client.get(step(found)).status_code == 403
    for name in ("dismiss", "unmatch", "look"):
        assert client.post(url(f"metrc_order_match_{name}", found.order.pk)).status_code == 403
    assert client.post(step(found, "check"), {"confirm": "1"}).status_code == 403
    assert not Match.objects.exists()
    may(clerk, "metrc.match_transfer")
    assert client.get(step(found)).status_code == 200


def test_a_transfer_voided_after_the_order_left_is_told_apart(client, metrc, filled):
    match, remote = matched(metrc, filled)
    assert filled.order.status == "completed"
    metrc.world.void(remote.id)
    read(metrc)
    match_transfers.look(metrc.facility)
    match.refresh_from_db()
    assert match.ended_at
    (problem,) = voided()
    assert f"{filled.order} is completed" in problem.text
    assert list(possible()) == []
    client.force_login(metrc.user)
    text = text_of(client.get(page(filled.order)))
    assert "is no longer this order's" in text
    assert "It is this one" not in text
    row = PossibleMatch.objects.get(dismissed_at__isnull=True)
    client.post(url("metrc_order_match_dismiss", filled.order.pk), {"possible": row.pk})
    assert list(voided()) == []


def test_what_a_matched_order_waits_for_is_a_problem(metrc, filled):
    match, _ = matched(metrc, filled)
    Match.objects.filter(pk=match.pk).update(waits_for="Receive the rest.")
    (problem,) = waiting()
    assert "Receive the rest." in problem.text
    Match.objects.update(ended_at=timezone.now())
    assert list(waiting()) == []
