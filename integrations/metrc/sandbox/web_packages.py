"""The pages on which a visitor looks after packages and users, as a licensee does in Metrc."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from integrations.metrc.sandbox import representations
from integrations.metrc.sandbox.access import world
from integrations.metrc.sandbox.records import ACTIVE, IN_TRANSIT, INACTIVE, PERMISSIONS
from integrations.metrc.sandbox.state_rules import LAB_STATES, UNITS
from integrations.metrc.sandbox.web import act, acting_license, known_state, locked, number
from integrations.sandbox.pages import own_pages_only

blueprint = Blueprint("web_packages", __name__)
blueprint.before_request(known_state)
blueprint.before_request(own_pages_only)
SHELVES = {ACTIVE: "On the shelf", IN_TRANSIT: "In transit", INACTIVE: "Finished"}


@blueprint.get("/packages")
@locked
def packages() -> ResponseReturnValue:
    """What the facility holds, and a form for a new package."""
    mine = acting_license()
    return render_template(
        "web/packages.html",
        shelves=[(words, world().packages_of(mine, state)) for state, words in SHELVES.items()],
        items=sorted({row.name for row in world().items.values() if row.license_number == mine}),
        units=list(UNITS),
        lab_states=LAB_STATES,
    )


@blueprint.post("/packages")
@locked
def make() -> ResponseReturnValue:
    """Tag a new package."""

    def do() -> None:
        name = request.form.get("new-item", "").strip() or request.form.get("item", "")
        world().add_package(
            acting_license(),
            name[:150] or "Practice item",
            number(request.form.get("quantity", ""), "Quantity"),
            unit=request.form.get("unit", "") if request.form.get("new-item") else "",
            lab_state=request.form.get("lab-state", "TestPassed"),
        )

    act(do, "The package was made.")
    return redirect(url_for("web_packages.packages"))


@blueprint.get("/packages/<label>")
@locked
def package(label: str) -> ResponseReturnValue:
    """One package, which can be counted, held, tested, split and finished."""
    found = world().find_package(label)
    if found is None:
        abort(404)
    return render_template(
        "web/package.html",
        package=found,
        lab_states=LAB_STATES,
        shelf=SHELVES[found.state],
        shown=representations.package(world(), found),
    )


@blueprint.post("/packages/<label>/<any(quantity,hold,recall,lab,split,finish):what>")
@locked
def change(label: str, what: str) -> ResponseReturnValue:
    """One of the buttons of a package."""
    found = world().find_package(label)
    if found is None:
        abort(404)
    value = request.form.get("value", "")
    do, done = {
        "quantity": (
            lambda: world().set_quantity(label, number(value, "Quantity")),
            "The quantity was adjusted.",
        ),
        "hold": (
            lambda: world().set_hold(label, not found.is_on_hold),
            "The package was let go." if found.is_on_hold else "The package is on hold.",
        ),
        "recall": (
            lambda: world().set_recall(label, not found.is_on_recall),
            "The recall ended." if found.is_on_recall else "The package was recalled.",
        ),
        "lab": (lambda: world().set_lab_state(label, value), "The lab state was changed."),
        "split": (
            lambda: world().split(label, number(value, "Quantity")),
            "The part is a package of its own, the last on the shelf.",
        ),
        "finish": (lambda: world().finish(label), "The package was finished."),
    }[what]
    act(do, done)
    return redirect(url_for("web_packages.package", label=label))


@blueprint.get("/users")
@locked
def users() -> ResponseReturnValue:
    """All user keys. This is practice: they are shown in full."""
    return render_template(
        "web/users.html",
        users=[key for key in world().user_keys.values() if not key.is_revoked],
        permissions=PERMISSIONS,
    )


@blueprint.post("/users/<int:pk>")
@locked
def change_user(pk: int) -> ResponseReturnValue:
    """Let a user's key open other licenses, or with other permissions; or take it back."""
    key = world().user_keys.get(pk)
    if key is None:
        abort(404)
    if "revoke" in request.form:
        world().revoke_user_key(key.value)
        flash("The key was taken back.", "good")
    else:
        wanted = set(request.form.getlist("permission"))
        world().set_permissions(key.value, [one for one in PERMISSIONS if one in wanted])
        known = [row.license_number for row in world().facilities.values()]
        chosen = set(request.form.getlist("license"))
        world().set_licenses(key.value, [one for one in known if one in chosen])
        flash("The user was changed.", "good")
    return redirect(url_for("web_packages.users"))


@blueprint.post("/users")
@locked
def make_user() -> ResponseReturnValue:
    """Give a new user a key for the facility the visitor works at."""
    key = world().make_user_key([acting_license()])
    flash(f"User key: {key.value}", "good")
    return redirect(url_for("web_packages.users"))
