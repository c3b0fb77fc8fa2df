"""The practice LeafLink's App keys: one that is revoked opens nothing any more."""

import pytest

from integrations.leaflink.sandbox.app import create_app
from integrations.leaflink.sandbox.world import World


@pytest.fixture
def world():
    world = World()
    seller = world.add_seller("Alder Peak")
    world.add_app_key("old-key", seller.id)
    return world


@pytest.fixture
def client(world):
    return create_app(world, rate_limit=None).test_client()


def reads(client, key):
    headers = {"Authorization": f"App {key}"}
    return client.get("/api/v2/products/", headers=headers).status_code


def test_a_revoked_key_opens_nothing(client):
    assert reads(client, "old-key") == 200
    answer = client.post("/applications/revoke", data={"key": "old-key"}, follow_redirects=True)
    assert "The key was revoked." in answer.text
    assert "old-key" not in client.get("/applications").text
    assert reads(client, "old-key") == 401


def test_a_new_key_is_shown_and_opens(client, world):
    seller = world.sellers()[0]
    answer = client.post("/applications", data={"seller": seller.id}, follow_redirects=True)
    key = next(key for key in world.app_keys if key != "old-key")
    assert f"App key of Alder Peak: {key}" in answer.text
    assert reads(client, key) == 200


@pytest.mark.parametrize(
    ("path", "data", "told"),
    [
        ("/applications", {"seller": "x"}, "Choose a seller."),
        ("/applications/revoke", {"key": "nonsense"}, "There is no such key."),
    ],
)
def test_what_makes_no_sense_changes_nothing(client, world, path, data, told):
    assert told in client.post(path, data=data, follow_redirects=True).text
    assert list(world.app_keys) == ["old-key"]
    assert reads(client, "old-key") == 200
