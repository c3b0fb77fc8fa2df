"""The stand-in's developer options: a webhook is added by hand, as in LeafLink."""

from integrations.leaflink.sandbox.app import create_app
from integrations.leaflink.sandbox.webhooks import Dispatcher, signature
from integrations.leaflink.sandbox.world import World

URL = "http://here.test/hooks/1/"


def test_a_webhook_is_added_and_signs_with_the_key_that_is_shown():
    world = World()
    seller = world.add_seller("Alder Peak")
    client = create_app(world, rate_limit=None).test_client()
    answer = client.post(
        "/developer-options", data={"seller": seller.id, "url": URL}, follow_redirects=True
    )
    [hook] = world.webhooks.values()
    assert hook.secret in answer.text
    assert "http://here.test/hooks/1/" in answer.text
    hooks, sent = Dispatcher(world), []
    world.add_product(seller.id, name="Gummies", sku="G")
    hooks.deliver_pending(lambda *args: sent.append(args) or 200)
    [(url, body, headers)] = sent
    assert (url, headers["LL-Signature"]) == (URL, signature(hook.secret, body))


def test_a_company_keeps_its_one_key():
    world = World()
    seller = world.add_seller("Alder Peak")
    client = create_app(world, rate_limit=None).test_client()
    for url in (URL, URL, "http://here.test/hooks/2/"):
        client.post("/developer-options", data={"seller": seller.id, "url": url})
    assert len(world.webhooks) == 2
    assert len({hook.secret for hook in world.webhooks.values()}) == 1


def test_nonsense_and_forms_of_other_sites_add_nothing():
    world = World()
    seller = world.add_seller("Alder Peak")
    client = create_app(world, rate_limit=None).test_client()
    for data in ({"seller": seller.id, "url": "javascript:x"}, {"seller": "0", "url": URL}, {}):
        assert client.post("/developer-options", data=data).status_code == 302
    form = {"seller": seller.id, "url": URL}
    answer = client.post("/developer-options", data=form, headers={"Origin": "http://evil.test"})
    assert answer.status_code == 403
    assert not world.webhooks
