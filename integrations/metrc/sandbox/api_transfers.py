"""The API's templates, which can be written, and transfers, which can only be read."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from integrations.metrc.sandbox import manifest, representations, transfer_rows
from integrations.metrc.sandbox.access import (
    TEMPLATES_READ,
    TEMPLATES_WRITE,
    TRANSFERS,
    license_number,
    nothing,
    own,
    require,
    route,
    user,
    world,
)
from integrations.metrc.sandbox.answers import page, request_rows, windowed
from integrations.metrc.sandbox.errors import NotFound
from integrations.metrc.sandbox.records import (
    PACKAGE_STATES,
    REJECTED,
    Delivery,
    Template,
    Transfer,
)

blueprint = Blueprint("api_transfers", __name__)
OUTGOING = "/transfers/v2/templates/outgoing"


@route(blueprint, "/transfers/v2/types", needs=(*TRANSFERS, *TEMPLATES_READ))
def types() -> ResponseReturnValue:
    return page(world().rules.types, representations.transfer_type)


# -- templates -----------------------------------------------------------------------------


@route(blueprint, OUTGOING, needs=TEMPLATES_READ)
def templates() -> ResponseReturnValue:
    rows = windowed(world().templates_of(license_number()), lambda row: row.last_modified)
    return page(rows, lambda row: transfer_rows.template(world(), row))


@route(blueprint, OUTGOING, method="POST", needs=TEMPLATES_WRITE)
def create_templates() -> ResponseReturnValue:
    made = world().create_templates(license_number(), request_rows(), user().name)
    return jsonify({"Ids": made, "Warnings": None})


@route(blueprint, OUTGOING, method="PUT", needs=TEMPLATES_WRITE)
def change_templates() -> ResponseReturnValue:
    world().change_templates(license_number(), request_rows())
    return nothing()


@route(blueprint, f"{OUTGOING}/<int:template_id>", method="DELETE", needs=TEMPLATES_WRITE)
def archive_template(template_id: int) -> ResponseReturnValue:
    world().archive_template(license_number(), template_id)
    return nothing()


@route(blueprint, f"{OUTGOING}/<int:template_id>/deliveries", needs=TEMPLATES_READ, scoped=False)
def template_deliveries(template_id: int) -> ResponseReturnValue:
    found = world().templates.get(template_id)
    if found is None or found.is_archived:
        raise NotFound
    own(found.license_number)
    return _deliveries(found)


@route(
    blueprint,
    f"{OUTGOING}/deliveries/<int:delivery_id>/packages",
    needs=TEMPLATES_READ,
    scoped=False,
)
def template_packages(delivery_id: int) -> ResponseReturnValue:
    return _parcels(_destination(delivery_id))


@route(
    blueprint,
    f"{OUTGOING}/deliveries/<int:delivery_id>/transporters",
    needs=TEMPLATES_READ,
    scoped=False,
)
def template_transporters(delivery_id: int) -> ResponseReturnValue:
    return _transporters(_destination(delivery_id))


@route(
    blueprint,
    f"{OUTGOING}/deliveries/<int:delivery_id>/transporters/details",
    needs=TEMPLATES_READ,
    scoped=False,
)
def template_transporter_details(delivery_id: int) -> ResponseReturnValue:
    return _details(_destination(delivery_id))


# -- transfers -----------------------------------------------------------------------------


@route(blueprint, "/transfers/v2/outgoing", needs=TRANSFERS)
def outgoing() -> ResponseReturnValue:
    rows = windowed(world().transfers_of(license_number()), lambda row: row.last_modified)
    return page(rows, lambda row: transfer_rows.outgoing(world(), row))


@route(blueprint, "/transfers/v2/incoming", needs=TRANSFERS)
def incoming() -> ResponseReturnValue:
    rows = _each(lambda row, delivery: delivery.recipient == license_number())
    found = windowed(rows, lambda row: row[0].last_modified)
    return page(found, lambda row: transfer_rows.with_recipient(world(), *row))


@route(blueprint, "/transfers/v2/rejected", needs=TRANSFERS)
def rejected() -> ResponseReturnValue:
    """What waits to come back to its shipper."""
    rows = _each(
        lambda row, delivery: (
            row.license_number == license_number()
            and any(parcel.state == REJECTED for parcel in delivery.parcels)
        )
    )
    return page(rows, lambda row: transfer_rows.with_recipient(world(), *row))


@route(blueprint, "/transfers/v2/<int:transfer_id>/deliveries", needs=TRANSFERS, scoped=False)
def deliveries(transfer_id: int) -> ResponseReturnValue:
    """For the shipper only."""
    found = world().transfers.get(transfer_id)
    if found is None:
        raise NotFound
    own(found.license_number)
    return _deliveries(found)


@route(
    blueprint, "/transfers/v2/deliveries/<int:delivery_id>/packages", needs=TRANSFERS, scoped=False
)
def delivery_packages(delivery_id: int) -> ResponseReturnValue:
    return _parcels(_delivery(delivery_id))


@route(
    blueprint,
    "/transfers/v2/deliveries/<int:delivery_id>/packages/wholesale",
    needs=TRANSFERS,
    scoped=False,
)
def delivery_wholesale(delivery_id: int) -> ResponseReturnValue:
    require("View Wholesale")
    return page(_delivery(delivery_id).parcels, representations.wholesale)


@route(
    blueprint,
    "/transfers/v2/deliveries/<int:delivery_id>/transporters",
    needs=TRANSFERS,
    scoped=False,
)
def delivery_transporters(delivery_id: int) -> ResponseReturnValue:
    return _transporters(_delivery(delivery_id))


@route(
    blueprint,
    "/transfers/v2/deliveries/<int:delivery_id>/transporters/details",
    needs=TRANSFERS,
    scoped=False,
)
def delivery_transporter_details(delivery_id: int) -> ResponseReturnValue:
    return _details(_delivery(delivery_id))


@route(blueprint, "/transfers/v2/deliveries/packages/states", scoped=False)
def package_states() -> ResponseReturnValue:
    return jsonify(PACKAGE_STATES)


# Metrc documents the template permission for the PDF, and the transfers' for the HTML.
@route(blueprint, "/transfers/v2/manifest/<which>/pdf", needs=TEMPLATES_READ)
def manifest_pdf(which: str) -> ResponseReturnValue:
    found = _manifest(which)
    content = manifest.pdf(world(), found)
    if world().rules.manifest_form == "pdf":
        return Response(content, mimetype="application/pdf")
    return jsonify(
        {
            "FileContents": base64.b64encode(content).decode(),
            "ContentType": "application/pdf",
            "FileDownloadName": f"Manifest_{found.manifest_number}.pdf",
            "HttpStatusCode": 200,
        }
    )


@route(blueprint, "/transfers/v2/manifest/<which>/html", needs=TRANSFERS)
def manifest_html(which: str) -> ResponseReturnValue:
    return Response(manifest.page(world(), _manifest(which)), mimetype="text/html")


# -- how -----------------------------------------------------------------------------------


def _each(
    wanted: Callable[[Transfer, Delivery], bool],
) -> list[tuple[Transfer, Delivery]]:
    return [
        (row, delivery)
        for row in world().transfers.values()
        for delivery in row.deliveries
        if wanted(row, delivery)
    ]


def _manifest(which: str) -> Transfer:
    """By the transfer's id as documented, or by the manifest number as one integrator does."""
    rows = world().transfers.values()
    found = next((row for row in rows if which in (str(row.id), row.manifest_number)), None)
    if found is None:
        raise NotFound
    recipients = {delivery.recipient for delivery in found.deliveries}
    own(found.license_number, *recipients)
    return found


def _delivery(delivery_id: int) -> Delivery:
    for row in world().transfers.values():
        found = row.delivery(delivery_id)
        if found:
            own(row.license_number, found.recipient)
            return found
    raise NotFound


def _destination(delivery_id: int) -> Delivery:
    for row in world().templates.values():
        for delivery in row.deliveries:
            if delivery.id == delivery_id and not row.is_archived:
                own(row.license_number)
                return delivery
    raise NotFound


def _deliveries(row: Transfer | Template) -> ResponseReturnValue:
    number = row.manifest_number if isinstance(row, Transfer) else None

    def show(found: tuple[int, Delivery]) -> dict[str, Any]:
        place, delivery = found
        return representations.delivery(world(), delivery, place, number)

    return page(enumerate(row.deliveries, 1), show)


def _parcels(row: Delivery) -> ResponseReturnValue:
    return page(row.parcels, lambda parcel: representations.parcel(world(), parcel))


def _transporters(row: Delivery) -> ResponseReturnValue:
    return page(row.transporters, lambda one: transfer_rows.transporter(world(), one))


def _details(row: Delivery) -> ResponseReturnValue:
    rows = [detail for one in row.transporters for detail in transfer_rows.transporter_details(one)]
    return page(rows, lambda one: one)
