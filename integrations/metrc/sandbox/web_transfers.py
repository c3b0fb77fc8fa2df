"""The pages of transfers: made without a template, edited, voided, received, taken back."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from integrations.metrc.sandbox import transfer_rows
from integrations.metrc.sandbox.access import world
from integrations.metrc.sandbox.records import REJECTED, Transfer
from integrations.metrc.sandbox.web import (
    act,
    acting_license,
    addable,
    deliveries_shown,
    known_state,
    locked,
    number,
)
from integrations.sandbox.pages import own_pages_only

blueprint = Blueprint("web_transfers", __name__)
blueprint.before_request(known_state)
blueprint.before_request(own_pages_only)


@blueprint.get("/transfers")
@locked
def transfers() -> ResponseReturnValue:
    """What the facility ships and receives, and a form for a transfer without a template."""
    mine = acting_license()
    rows = sorted(world().transfers.values(), key=lambda row: row.id, reverse=True)
    return render_template(
        "web/transfers.html",
        outgoing=[row for row in rows if row.license_number == mine],
        incoming=[row for row in rows if any(one.recipient == mine for one in row.deliveries)],
        addable=addable(mine, set()),
    )


@blueprint.post("/transfers")
@locked
def make() -> ResponseReturnValue:
    """Make a transfer from scratch."""
    made: list[Transfer] = []

    def do() -> None:
        transfer = world().make_transfer(
            acting_license(),
            request.form.get("recipient", ""),
            request.form.getlist("add"),
            type_name=request.form.get("type", ""),
            invoice_number=request.form.get("invoice") or None,
        )
        made.append(transfer)

    if act(do, "The transfer was registered."):
        return redirect(url_for("web_transfers.transfer", pk=made[0].id))
    return redirect(url_for("web_transfers.transfers"))


@blueprint.get("/transfers/<int:pk>")
@locked
def transfer(pk: int) -> ResponseReturnValue:
    """One transfer, with a button for each step."""
    found = _transfer(pk)
    rejected = any(parcel.state == REJECTED for parcel in found.parcels)
    received = any(delivery.received_at for delivery in found.deliveries)
    return render_template(
        "web/transfer.html",
        transfer=found,
        template=world().templates.get(found.template_id or 0),
        can_edit=not found.is_voided and not received,
        can_return=rejected,
        addable=addable(found.license_number, set()),
        shown={
            "row": transfer_rows.outgoing(world(), found),
            "deliveries": deliveries_shown(found),
        },
    )


@blueprint.post("/transfers/<int:pk>/edit/<int:delivery_id>")
@locked
def edit(pk: int, delivery_id: int) -> ResponseReturnValue:
    """Change what goes, to whom, and what it is called."""
    found = _transfer(pk).delivery(delivery_id)
    if found is None:
        abort(404)
    kept = set(request.form.getlist("keep"))
    act(
        lambda: world().edit_transfer(
            pk,
            delivery_id=delivery_id,
            drop=[label for label in found.labels if label not in kept],
            add=request.form.getlist("add"),
            recipient=request.form.get("recipient") or None,
            invoice_number=request.form.get("invoice", ""),
        ),
        "The transfer was changed.",
    )
    return redirect(url_for("web_transfers.transfer", pk=pk))


@blueprint.post("/transfers/<int:pk>/receive/<int:delivery_id>")
@locked
def receive(pk: int, delivery_id: int) -> ResponseReturnValue:
    """The recipient takes a delivery in."""
    found = _transfer(pk).delivery(delivery_id)
    if found is None:
        abort(404)

    def do() -> None:
        rejected = request.form.getlist("reject")
        arrived = {}
        for parcel in found.parcels:
            value = request.form.get(f"arrived-{parcel.label}", "").strip()
            if value and parcel.label not in rejected:
                arrived[parcel.label] = number(value, parcel.label)
        world().receive(pk, delivery_id=delivery_id, short=arrived, reject=rejected)

    act(do, "The delivery was received.")
    return redirect(url_for("web_transfers.transfer", pk=pk))


@blueprint.post("/transfers/<int:pk>/<any(depart,void,reship,take_back):step>")
@locked
def step(pk: int, step: str) -> ResponseReturnValue:
    """One of the buttons that need nothing filled in."""
    _transfer(pk)
    if step == "reship":
        made: list[Transfer] = []
        act(
            lambda: made.append(world().reship(pk)),
            "The transfer was voided, and registered again as this one.",
        )
        return redirect(url_for("web_transfers.transfer", pk=made[0].id if made else pk))
    do, done = {
        "depart": (world().depart, "The vehicle left."),
        "void": (world().void, "The transfer was voided; its packages are on the shelf again."),
        "take_back": (world().return_rejected, "The rejected packages are on the shelf again."),
    }[step]
    act(lambda: do(pk), done)
    return redirect(url_for("web_transfers.transfer", pk=pk))


def _transfer(pk: int) -> Transfer:
    found = world().transfers.get(pk)
    if found is None:
        abort(404)
    return found
