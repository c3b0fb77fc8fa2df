"""The pages on which people match: staff to reps, orders to facilities, customers to brands."""

import re

from django.contrib.auth.models import Permission

from integrations import work
from integrations.leaflink.models import Order, Staff
from tests.leaflink.pages import text_of, url


def test_staff_are_mapped_in_one_go(bench, admin_client, held, django_capture_on_commit_callbacks):
    bench.world.add_staff(bench.seller.id, "Lena Fox", "lena@peak.example")
    bench.world.add_staff(bench.seller.id, "No Mail", "")
    bench.sync("staff")
    listed = text_of(admin_client.get(url("leaflink_staff_changelist")))
    assert "3 of LeafLink's staff are not mapped" in listed
    match = url("leaflink_staff_match")
    text = admin_client.get(match).content.decode()
    assert re.search(r"selected>Dana Ruiz \(dana@peak.example\)", text)
    assert "Make Lena Fox a sales rep" in text
    people = {p.name: p.pk for p in Staff.objects.all()}
    choices = {
        f"rep-{people['Dana Ruiz']}": bench.rep.pk,
        f"rep-{people['Lena Fox']}": "new",
        f"rep-{people['No Mail']}": "new",
    }
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(match, choices, follow=True)
    assert "2 people are mapped" in text_of(answer)
    assert "No Mail: LeafLink gives no e-mail address" in text_of(answer)
    assert Staff.objects.get(name="Lena Fox").sales_rep.email == "lena@peak.example"
    work.drain()
    assert "rep_unmapped" not in bench.reasons(held)
    assert "nobody was mapped" in text_of(admin_client.post(match, {}, follow=True))


def test_mapping_in_one_go_needs_the_right_to(client, django_user_model, bench, held):
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_staff"))
    client.force_login(clerk)
    assert client.get(url("leaflink_staff_match")).status_code == 403
    assert "Look at suggestions" not in text_of(client.get(url("leaflink_staff_changelist")))


def test_the_rules_are_tried_on_an_order(bench, admin_client, held):
    test = url("leaflink_account_routing", bench.account.pk)
    mirror = bench.mirror(held)
    assert f"#{mirror.short_id}" in text_of(admin_client.get(test))
    bench.map_dana()
    text = text_of(admin_client.get(test, {"order": mirror.pk, "q": mirror.short_id}))
    assert "ships from Denver" in text
    assert "The destination's default facility This rule is off." in text
    assert "Decides The sales rep's default facility Dana Ruiz → Denver." in text
    bench.account.routing_rules.all().delete()
    text = text_of(admin_client.get(test, {"order": mirror.pk}))
    assert "would come without facility" in text
    assert "has no routing rules" in text
    assert "No order of this account is called so" in text_of(admin_client.get(test, {"q": "zzz"}))
    assert admin_client.get(test, {"order": "x"}).status_code == 200
    Order.objects.update(raw={"number": "x"})
    assert "can't be read" in text_of(admin_client.get(test, {"order": mirror.pk}))


def test_trying_the_rules_needs_the_right_to_see(client, django_user_model, bench):
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(clerk)
    assert client.get(url("leaflink_account_routing", bench.account.pk)).status_code == 403


def test_destinations_show_the_brands_whose_company_has_them(bench, admin_client):
    goods = bench.goods()
    bench.ready()
    bench.order(bench.line(goods, 1))
    bench.sync("orders")
    text = text_of(admin_client.get(url("customers_destination_changelist")))
    assert "LeafLink brand" in text
    assert "Juniper Street Alder" in text


def test_a_product_nobody_has_read_yet_is_fetched_and_the_order_comes_in(bench):
    goods = bench.goods()
    bench.ready()
    new = bench.goods("NEW")
    bench.world.set_quantity(new.remote.id, "50")
    order = bench.order(bench.line(goods, 1), bench.line(new, 2))
    bench.sync("orders")
    assert bench.reasons(order) == ["product_unlinked"]
    assert "Product NEW (NEW) is not linked" in bench.mirror(order).blockers.get().text
    work.drain()
    assert bench.local(order).lines.count() == 2
