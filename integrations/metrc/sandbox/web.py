"""The web interface of Metrc, as far as practice needs it: templates, and transfers made of them.

Plain pages without scripts. Forms are taken from this site's own pages only.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from integrations.metrc.sandbox import representations, transfer_rows
from integrations.metrc.sandbox.access import world
from integrations.metrc.sandbox.errors import NotPossible
from integrations.metrc.sandbox.records import REJECTED, Delivery, Template, Transfer
from integrations.sandbox.pages import STATIC, own_pages_only

home = Blueprint(
    "web_home", __name__, template_folder="templates", static_folder=STATIC, static_url_path="/page"
)
blueprint = Blueprint("web", __name__)
View = Callable[..., ResponseReturnValue]


def locked(view: View) -> View:
    """Let nothing change while a page is made."""

    @functools.wraps(view)
    def entered(**parts: Any) -> ResponseReturnValue:
        with world().lock:
            return view(**parts)

    return entered


def act(do: Callable[[], Any], done: str) -> bool:
    """Do what a button says, and tell how it went."""
    try:
        do()
    except NotPossible as error:
        flash(str(error), "error")
        return False
    flash(done, "good")
    return True


def acting_license() -> str:
    """The license of the facility the visitor works at: the chosen one, or the first user's."""
    chosen = session.get(f"license-{world().rules.code}")
    if world().facility(chosen):
        return str(chosen)
    users = [key.licenses[0] for key in world().user_keys.values() if key.licenses]
    known = [row.license_number for row in world().facilities.values()]
    return next(iter([*users, *known]), "")


def known_state() -> None:
    """Answer 404 for a state that isn't served."""
    if g.world is None:
        abort(404)


def number(value: str, what: str) -> Decimal:
    """A filled-in number. Raises NotPossible for anything else."""
    try:
        found = Decimal(value.strip())
    except InvalidOperation:
        raise NotPossible(f"{what}: “{value[:20]}” is not a number.") from None
    if not found.is_finite() or abs(found) > 10_000_000:
        raise NotPossible(f"{what}: give a number that a package can hold.")
    return found


blueprint.before_request(known_state)
blueprint.before_request(own_pages_only)


@home.get("/")
def states() -> ResponseReturnValue:
    """Choose a state."""
    return render_template("web/states.html", worlds=current_app.extensions["worlds"].values())


@blueprint.app_template_filter("plain")
def plain(value: Decimal | None) -> str:
    """A quantity without trailing zeros; "" for none."""
    if value is None:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@blueprint.app_template_filter("shown_json")
def shown_json(value: Any) -> str:
    return json.dumps(value, indent=2)


@blueprint.app_context_processor
def everywhere() -> dict[str, Any]:
    """What the frame of every page shows."""
    if g.get("world") is None:
        return {}
    return {
        "world": world(),
        "rules": world().rules,
        "here": world().facility(acting_license()),
        "facilities": list(world().facilities.values()),
        "standing": standing,
    }


@blueprint.post("/facility")
def choose() -> ResponseReturnValue:
    """Work at another facility."""
    chosen = request.form.get("license", "")
    if world().facility(chosen):
        session[f"license-{world().rules.code}"] = chosen
    return redirect(url_for("web.templates"))


@blueprint.get("/")
@locked
def templates() -> ResponseReturnValue:
    """The facility's templates."""
    rows = world().templates_of(acting_license())
    return render_template("web/templates.html", rows=rows[::-1])


@blueprint.get("/templates/<int:pk>")
@locked
def template(pk: int) -> ResponseReturnValue:
    """One template, which can be registered as it is or edited on the way."""
    found = _template(pk)
    on_it = {label for delivery in found.deliveries for label in delivery.labels}
    return render_template(
        "web/template.html",
        template=found,
        others=[row for row in world().templates_of(found.license_number) if row.id != pk],
        addable=addable(found.license_number, on_it),
        used=[row for row in world().transfers.values() if row.template_id == pk],
        shown={
            "row": transfer_rows.template(world(), found),
            "deliveries": deliveries_shown(found),
        },
    )


@blueprint.post("/templates/<int:pk>/register")
@locked
def register(pk: int) -> ResponseReturnValue:
    """Make the transfer."""
    found = _template(pk)
    kept = set(request.form.getlist("keep"))
    made: list[Transfer] = []

    def do() -> None:
        first = found.deliveries[0]
        transfer = world().register(
            pk,
            merge=[int(one) for one in request.form.getlist("merge") if one.isdecimal()],
            into_one="into-one" in request.form,
            drop=[label for label in first.labels if label not in kept],
            add=request.form.getlist("add"),
            recipient=request.form.get("recipient") or None,
            invoice_number=request.form.get("invoice", ""),
        )
        made.append(transfer)

    if act(do, "The transfer was registered."):
        return redirect(url_for("web_transfers.transfer", pk=made[0].id))
    return redirect(url_for("web.template", pk=pk))


# -- how -----------------------------------------------------------------------------------


def standing(row: Transfer) -> tuple[str, str]:
    """Where a transfer stands, in a word, with the colour of the word."""
    if row.is_voided:
        return "voided", "rejected"
    received = sum(one.received_at is not None for one in row.deliveries)
    if received == len(row.deliveries):
        states = {parcel.state for parcel in row.parcels}
        if REJECTED not in states:
            return "received", "complete"
        return "rejected" if states == {REJECTED} else "rejected in part", "rejected"
    if received:
        return "received in part", "accepted"
    departed = all(one.departed_at for one in row.deliveries)
    return ("on the road", "accepted") if departed else ("registered", "submitted")


def _template(pk: int) -> Template:
    found = world().templates.get(pk)
    if found is None or found.is_archived:
        abort(404)
    return found


def addable(license_number: str, without: set[str]) -> list[Any]:
    """The packages on the shelf, which may go onto a transfer."""
    rows = world().packages_of(license_number)
    return [row for row in rows if row.label not in without]


def deliveries_shown(row: Transfer | Template) -> list[Any]:
    manifest = row.manifest_number if isinstance(row, Transfer) else None

    def show(place: int, delivery: Delivery) -> dict[str, Any]:
        parcels = [representations.parcel(world(), parcel) for parcel in delivery.parcels]
        return {
            "delivery": representations.delivery(world(), delivery, place, manifest),
            "packages": parcels,
        }

    return [show(place, delivery) for place, delivery in enumerate(row.deliveries, 1)]
