"""The WSGI app: LeafLink's V2 API under /api/v2/, and the page for a visitor at /."""

from __future__ import annotations

import secrets
import time

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from integrations.leaflink.sandbox import (
    api,
    api_lists,
    api_products,
    shop,
    shop_keys,
    shop_products,
    shop_webhooks,
)
from integrations.leaflink.sandbox.errors import Forbidden, SandboxError, Throttled, Unauthorized
from integrations.leaflink.sandbox.rate_limit import RateLimit
from integrations.leaflink.sandbox.records import LoggedRequest
from integrations.leaflink.sandbox.world import World
from integrations.sandbox.faults import ConnectionCut, Faults

PREFIX = "/api/v2/"
# Which permission of the App key a resource needs (LeafLink: one per resource, read or write).
PERMISSIONS = {
    "orders-received": "orders",
    "line-items": "orders",
    "order-payments": "orders",
    "order-event-logs": "orders",
    "company-staff": "orders",
    "brands": "orders",
    "companies": "orders",
    "products": "products",
    "customers": "crm",
    "licenses": "orders",
    "batches": "orders",
    "inventory": "inventory",
}
LONGEST_LOG = 20_000


def create_app(
    world: World, *, faults: Faults | None = None, rate_limit: int | None = 300
) -> Flask:
    """The stand-in as a WSGI app. `rate_limit`: requests a minute per owner of keys; None: any."""
    return show_world(_build(), world, faults=faults, rate_limit=rate_limit)


def show_world(
    app: Flask, world: World, *, faults: Faults | None = None, rate_limit: int | None = 300
) -> Flask:
    """Let an app that was built serve this world from now on; building one takes much longer."""
    app.extensions["world"] = world
    app.extensions["limiter"] = RateLimit(rate_limit, world.clock)
    app.extensions["trouble"] = faults or Faults()
    return app


def _build() -> Flask:
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # Flash messages and the chosen retailer are all there is in the session.
    app.secret_key = secrets.token_hex(16)

    @app.before_request
    def _enter() -> Response | None:
        if not request.path.startswith(PREFIX):
            return None
        trouble = app.extensions["trouble"]
        g.fault = trouble.for_request(request.method, request.path)
        _misbehave(g.fault, trouble)
        try:
            if not request.path.endswith("/"):
                raise SandboxError({"detail": "The path must end with a slash."})
            _authenticate(app.extensions["world"], app.extensions["limiter"])
        except SandboxError as error:
            return _refusal(error)
        if g.fault == "500":
            return Response("<html><h1>Server Error (500)</h1></html>", 500, mimetype="text/html")
        if g.fault == "429":
            return _refusal(Throttled(1))
        return None

    @app.after_request
    def _leave(response: Response) -> Response:
        if request.path.startswith(PREFIX):
            _note(app.extensions["world"], response.status_code)
            if g.get("fault") == "reset-after":
                _note_cut(app.extensions["world"])
                raise ConnectionCut
        return response

    @app.errorhandler(SandboxError)
    def _refused(error: SandboxError) -> Response:
        return _refusal(error)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        code = error.code or 500
        if request.path.startswith(PREFIX):
            text = "Not found." if code == 404 else error.name
            answer = jsonify({"detail": text})
            answer.status_code = code
            return answer
        return Response(error.description or error.name, code, mimetype="text/plain")

    for blueprint in (api.blueprint, api_lists.blueprint, api_products.blueprint):
        app.register_blueprint(blueprint, url_prefix=PREFIX.rstrip("/"))
    app.register_blueprint(shop.blueprint)
    app.register_blueprint(shop_products.blueprint)
    app.register_blueprint(shop_webhooks.blueprint)
    app.register_blueprint(shop_keys.blueprint)
    # Flask answers an exception with a page; a cut connection must have none.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def _misbehave(fault: str, trouble: Faults) -> None:
    if fault == "reset-before":
        raise ConnectionCut
    if fault == "slow":
        time.sleep(trouble.delay)


def _authenticate(world: World, limiter: RateLimit) -> None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    key = world.app_keys.get(value) if scheme == "App" else None
    if key is None or key.is_revoked:
        raise Unauthorized
    limiter.take(key.owner)
    resource = request.path[len(PREFIX) :].split("/")[0]
    have = key.permissions.get(PERMISSIONS.get(resource, "products"), "")
    if resource == "products" and request.method == "PATCH":
        # Not known which of the two a change of stock needs: either will do.
        have = key.permissions.get("inventory", "") if have != "write" else have
    if have != "write" and not (have == "read" and request.method == "GET"):
        raise Forbidden
    g.company_id = key.company_id


def _refusal(error: SandboxError) -> Response:
    answer = jsonify(error.body)
    answer.status_code = error.status
    answer.headers.update(error.headers)
    return answer


def _note(world: World, status: int) -> None:
    if len(world.requests) >= LONGEST_LOG:
        del world.requests[: LONGEST_LOG // 2]
    world.requests.append(
        LoggedRequest(
            request.method,
            request.path[len(PREFIX) - 1 :],
            request.query_string.decode("utf-8", "replace"),
            status,
            request.get_json(silent=True) if request.data else None,
        )
    )


def _note_cut(world: World) -> None:
    world.requests[-1].status = 0
