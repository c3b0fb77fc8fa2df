"""From a template to a received transfer: what people do in Metrc, and what the API then says."""

from __future__ import annotations

import pytest

from integrations.metrc.sandbox.errors import NotPossible

SHIPPER, SHOP, OTHER_SHOP = "C11-1", "C10-1", "C10-2"


def labels(rows):
    return [row.get("Label") or row["PackageLabel"] for row in rows]


def test_a_template_is_registered_and_received(place, api):
    one, two, three = (place.label(n) for n in range(3))
    number = api.send(place.template(one, two))
    assert api.rows("/transfers/v2/outgoing") == []
    transfer = place.world.register(number)
    (row,) = api.rows("/transfers/v2/outgoing")
    assert row["Id"] == transfer.id
    assert row["ManifestNumber"] == transfer.manifest_number
    assert row["OriginatingTemplateId"] == number
    assert row["InvoiceNumber"] == "SO-1"
    assert row["RecipientFacilityLicenseNumber"] is None
    assert row["EstimatedDepartureDateTime"] == "0001-01-01T00:00:00.000"
    (delivery,) = api.rows(f"/transfers/v2/{transfer.id}/deliveries")
    assert delivery["RecipientFacilityLicenseNumber"] == SHOP
    assert delivery["EstimatedDepartureDateTime"] == "2026-07-07T08:30:00.000"
    packages = api.rows(f"/transfers/v2/deliveries/{delivery['Id']}/packages")
    assert [(p["PackageLabel"], p["ShippedQuantity"]) for p in packages] == [(one, 100), (two, 50)]
    assert labels(api.rows("/packages/v2/active")) == [three]
    assert labels(api.rows("/packages/v2/intransit")) == [one, two]
    assert api.rows("/packages/v2/transferred") == []

    place.clock.forward(hours=3)
    place.world.receive(transfer.id, short={one: 98}, reject=[two])
    (row,) = api.rows("/transfers/v2/outgoing")
    assert (row["DeliveryCount"], row["ReceivedDeliveryCount"]) == (1, 1)
    assert row["ReceivedPackageCount"] == 1
    assert row["LastModified"] == "2026-07-06T15:00:00+00:00"
    packages = api.rows(f"/transfers/v2/deliveries/{delivery['Id']}/packages")
    assert [(p["ShipmentPackageState"], p["ReceivedQuantity"]) for p in packages] == [
        ("Accepted", 98),
        ("Rejected", None),
    ]
    assert labels(api.rows("/packages/v2/transferred")) == [one, two]
    assert place.world.package(one).license_number == SHOP
    assert labels(api.rows("/packages/v2/intransit")) == [two]
    (waiting,) = api.rows("/transfers/v2/rejected")
    assert waiting["RecipientFacilityLicenseNumber"] == SHOP

    place.world.return_rejected(transfer.id)
    assert labels(api.rows("/packages/v2/active")) == [three, two]
    assert api.rows("/transfers/v2/rejected") == []
    (delivery,) = api.rows(f"/transfers/v2/{transfer.id}/deliveries")
    assert delivery["RejectedPackagesReturned"] is True


def test_a_voided_transfer_gives_its_packages_back_and_reships(place, api):
    number = api.send(place.template(place.label(0)))
    first = place.world.register(number)
    second = place.world.reship(first.id, add=[place.label(1)], invoice_number="SO-9")
    rows = api.rows("/transfers/v2/outgoing")
    assert [(row["Id"], row["IsVoided"]) for row in rows] == [(first.id, True), (second.id, False)]
    assert [row["OriginatingTemplateId"] for row in rows] == [number, number]
    assert second.labels == [place.label(0), place.label(1)]
    place.world.void(second.id)
    assert sorted(labels(api.rows("/packages/v2/active"))) == [p.label for p in place.jars]


def test_what_cannot_be_shipped_again_leaves_the_old_transfer(place, api):
    first = place.world.make_transfer(SHIPPER, SHOP, [place.label(0)])
    place.world.set_hold(place.label(1))
    with pytest.raises(NotPossible, match="on hold"):
        place.world.reship(first.id, add=[place.label(1)])
    with pytest.raises(NotPossible, match="license nobody"):
        place.world.reship(first.id, recipient="nobody")
    assert [row.is_voided for row in place.world.transfers.values()] == [False]


def test_templates_are_merged_and_edited_on_the_way(place, api):
    one, two, three = (place.label(n) for n in range(3))
    first = api.send(place.template(one))
    second = api.send(place.template(two, RecipientLicenseNumber=OTHER_SHOP))
    transfer = place.world.register(first, merge=[second], drop=[one], add={three: "12.50"})
    assert [(d.recipient, d.labels) for d in transfer.deliveries] == [
        (SHOP, [three]),
        (OTHER_SHOP, [two]),
    ]
    (row,) = api.rows("/transfers/v2/outgoing")
    assert (row["DeliveryCount"], row["PackageCount"]) == (2, 2)
    place.world.void(transfer.id)
    third = api.send(place.template(two))
    into_one = place.world.register(first, merge=[third], into_one=True)
    assert [d.labels for d in into_one.deliveries] == [[one, two]]


def test_a_transfer_is_edited_until_it_is_received(place, api):
    one, two, _three = (place.label(n) for n in range(3))
    transfer = place.world.make_transfer(SHIPPER, SHOP, {one: "5"})
    place.world.edit_transfer(transfer.id, drop=[one], add=[two], recipient=OTHER_SHOP)
    assert labels(api.rows("/packages/v2/intransit")) == [two]
    (delivery,) = api.rows(f"/transfers/v2/{transfer.id}/deliveries")
    assert delivery["RecipientFacilityLicenseNumber"] == OTHER_SHOP
    place.world.depart(transfer.id)
    (delivery,) = api.rows(f"/transfers/v2/{transfer.id}/deliveries")
    assert delivery["ActualDepartureDateTime"] == "2026-07-06T12:00:00.000"
    place.world.receive(transfer.id)
    for act in (place.world.void, place.world.depart, place.world.reship, place.world.receive):
        with pytest.raises(NotPossible, match="received"):
            act(transfer.id)


def test_deliveries_are_received_one_by_one(place, api):
    transfer = place.world.make_transfer(
        SHIPPER, SHOP, [place.label(0)], also=[(OTHER_SHOP, [place.label(1)])]
    )
    place.world.receive(transfer.id, delivery_id=transfer.deliveries[1].id)
    (row,) = api.rows("/transfers/v2/outgoing")
    assert (row["ReceivedDeliveryCount"], row["ReceivedPackageCount"]) == (1, 1)
    place.world.add_user_key("shop", [OTHER_SHOP])
    api.session.auth = ("vendor", "shop")
    (row,) = api.rows("/transfers/v2/incoming", OTHER_SHOP)
    assert row["DeliveryId"] == transfer.deliveries[1].id
    assert row["RecipientFacilityLicenseNumber"] == OTHER_SHOP
    assert labels(api.rows("/packages/v2/active", OTHER_SHOP)) == [place.label(1)]


def test_michigan_does_not_say_of_which_template(michigan, michigan_api):
    number = michigan_api.send(michigan.template())
    transfer = michigan.world.register(number)
    (row,) = michigan_api.rows("/transfers/v2/outgoing")
    assert row["OriginatingTemplateId"] is None
    assert int(row["ManifestNumber"]) != row["Id"] == transfer.id
    assert transfer.template_id == number
