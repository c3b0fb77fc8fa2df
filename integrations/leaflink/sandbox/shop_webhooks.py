"""The stand-in's "Developer Options": webhooks of a seller, and the key that signs them."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from integrations.leaflink.sandbox.world import World
from integrations.sandbox.pages import own_pages_only

blueprint = Blueprint("shop_webhooks", __name__, template_folder="templates")
blueprint.before_request(own_pages_only)
TYPES = ("order", "product")


def world() -> World:
    found: World = current_app.extensions["world"]
    return found


@blueprint.get("/developer-options")
def options() -> ResponseReturnValue:
    """All webhooks, and a form for another one."""
    rows = [(world().companies[hook.company_id], hook) for hook in world().webhooks.values()]
    return render_template("shop/webhooks.html", sellers=world().sellers(), rows=rows)


@blueprint.post("/developer-options")
def add() -> ResponseReturnValue:
    """Add a webhook. LeafLink has one key per company: it is shown, to be pasted there."""
    url, seller = request.form.get("url", "").strip(), request.form.get("seller", "")
    company = next((c for c in world().sellers() if str(c.id) == seller), None)
    if company is None or urlsplit(url).scheme not in ("http", "https"):
        flash("Give a seller and an address that begins with http.", "error")
        return redirect(url_for("shop_webhooks.options"))
    mine = [hook for hook in world().webhooks.values() if hook.company_id == company.id]
    key = mine[0].secret if mine else secrets.token_urlsafe(24)
    world().add_webhook(company.id, url, key, TYPES)
    flash(f"The webhook was added. Company Webhook Key of {company.name}: {key}", "good")
    return redirect(url_for("shop_webhooks.options"))
