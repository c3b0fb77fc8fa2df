"""The stand-in's "Applications": the App keys of each seller, taken back and made anew."""

from __future__ import annotations

import secrets

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from integrations.leaflink.sandbox.world import World
from integrations.sandbox.pages import own_pages_only

blueprint = Blueprint("shop_keys", __name__, template_folder="templates")
blueprint.before_request(own_pages_only)


def world() -> World:
    found: World = current_app.extensions["world"]
    return found


@blueprint.get("/applications")
def keys() -> ResponseReturnValue:
    """All keys that still open something. This is practice: they are shown in full."""
    rows = [
        (world().companies[key.company_id], key)
        for key in world().app_keys.values()
        if not key.is_revoked
    ]
    return render_template("shop/keys.html", sellers=world().sellers(), rows=rows)


@blueprint.post("/applications")
def make() -> ResponseReturnValue:
    """Make another key for a seller."""
    seller = request.form.get("seller", "")
    company = next((c for c in world().sellers() if str(c.id) == seller), None)
    if company is None:
        flash("Choose a seller.", "error")
        return redirect(url_for("shop_keys.keys"))
    key = world().add_app_key(secrets.token_urlsafe(24), company.id)
    flash(f"App key of {company.name}: {key.value}", "good")
    return redirect(url_for("shop_keys.keys"))


@blueprint.post("/applications/revoke")
def revoke() -> ResponseReturnValue:
    """Take a key back: whoever uses it is refused from now on."""
    value = request.form.get("key", "")
    if value in world().app_keys:
        world().revoke_app_key(value)
        flash("The key was revoked.", "good")
    else:
        flash("There is no such key.", "error")
    return redirect(url_for("shop_keys.keys"))
