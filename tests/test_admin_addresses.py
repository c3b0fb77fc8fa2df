"""Every admin address with an id: an id that no database can hold is simply not there."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from catalog.natural import natural

pytestmark = pytest.mark.django_db
# More than any integer column holds, and the first that a column does not.
HUGE = ("9" * 30, str(2**63))

# What goes by itself is no error when it is gone: the list is shown again, and says so.
TOLD = (
    "admin/leaflink/drift/<id:drift_id>/fix/",
    "admin/leaflink/order/conflicts/payment/<id:row_id>/",
)


def _patterns(resolver, before=""):
    """All addresses below, as (route, converters by name)."""
    for pattern in resolver.url_patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, route)
        elif isinstance(pattern, URLPattern) and pattern.pattern.converters:
            yield route, pattern.pattern.converters


ADDRESSES = sorted(
    {
        (route, all(type(one).__name__ == "IdConverter" for one in converters.values()))
        for route, converters in _patterns(get_resolver())
        if route.startswith("admin/")
    }
)


def _filled(route, value):
    parts = route.split("<")
    return "/" + parts[0] + "".join(value + part.partition(">")[2] for part in parts[1:])


def test_the_walk_finds_our_own_addresses():
    ours = [route for route, is_ours in ADDRESSES if is_ours]
    assert len(ours) > 30
    assert not [route for route, _ in ADDRESSES if "<int:" in route]
    assert any("preview/" in route for route in ours)
    assert set(TOLD) <= set(ours)


@pytest.mark.parametrize(("route", "is_ours"), ADDRESSES)
def test_an_id_that_is_too_large_is_not_there(admin_client, route, is_ours):
    # Django's own pages lead to the overview and say that there is no such thing, or are closed.
    missing = (302, 403, 404) if not is_ours or route in TOLD else (404,)
    for value in HUGE:
        for ask in (admin_client.get, admin_client.post):
            assert ask(_filled(route, value)).status_code in (*missing, 405)


@pytest.mark.parametrize("text", ["0", "-1", "x", "9" * 30, str(2**63), "१२"])
def test_what_is_no_id_is_0(text):
    assert natural(text) == 0


def test_the_largest_id_is_one():
    assert natural(str(2**63 - 1)) == 2**63 - 1
