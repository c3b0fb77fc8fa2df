"""The WSGI app: each state's API and web interface under its code, as /ca/packages/v2/active."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response, abort, g, jsonify, request
from werkzeug.exceptions import HTTPException

from integrations.metrc.sandbox import api, api_transfers, web, web_packages, web_transfers
from integrations.metrc.sandbox.access import Gate, Limits
from integrations.metrc.sandbox.errors import SandboxError, Throttled
from integrations.metrc.sandbox.records import LoggedRequest
from integrations.metrc.sandbox.world import World
from integrations.sandbox.faults import API_FAULTS, ConnectionCut, Faults

# Metrc's sandbox is seen to answer faults of its own as a 400 that is an object.
KNOWN_FAULTS = (*API_FAULTS, "400")
LONGEST_LOG = 20_000


def create_app(
    worlds: World | Iterable[World], *, faults: Faults | None = None, limits: Limits | None = None
) -> Flask:
    """The stand-in as a WSGI app, each world under its state's code.

    `limits` None: as many requests as one likes.
    """
    return show_worlds(_build(), worlds, faults=faults, limits=limits)


def show_worlds(
    app: Flask,
    worlds: World | Iterable[World],
    *,
    faults: Faults | None = None,
    limits: Limits | None = None,
) -> Flask:
    """Let an app that was built serve these worlds; building one takes much longer."""
    served = [worlds] if isinstance(worlds, World) else list(worlds)
    app.extensions["worlds"] = {world.rules.code: world for world in served}
    app.extensions["gates"] = {world.rules.code: Gate(limits, world.clock) for world in served}
    app.extensions["trouble"] = faults or Faults(known=KNOWN_FAULTS)
    return app


def _build() -> Flask:
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # Flash messages and the chosen facility are all there is in the session.
    app.secret_key = secrets.token_hex(16)

    @app.url_value_preprocessor
    def _choose(endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.world = app.extensions["worlds"].get(request.path.split("/")[1])
        if values:
            values.pop("state", None)

    @app.url_defaults
    def _same_state(endpoint: str, values: dict[str, Any]) -> None:
        if g.get("world") is not None and app.url_map.is_endpoint_expecting(endpoint, "state"):
            values.setdefault("state", g.world.rules.code)

    @app.before_request
    def _enter() -> Response | None:
        if request.blueprint not in (api.blueprint.name, api_transfers.blueprint.name):
            return None
        if g.world is None:
            abort(404)
        trouble = app.extensions["trouble"]
        g.fault = trouble.for_request(request.method, request.path)
        return _misbehave(g.fault, trouble)

    @app.after_request
    def _leave(response: Response) -> Response:
        if g.world is not None and "web" not in str(request.blueprint):
            _note(g.world, response.status_code)
            if g.get("fault") == "reset-after":
                g.world.requests[-1].status = 0
                raise ConnectionCut
        return response

    @app.errorhandler(SandboxError)
    def _refused(error: SandboxError) -> Response:
        return _refusal(error)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        code = error.code or 500
        if request.blueprint and "web" in request.blueprint:
            return Response(error.description or error.name, code, mimetype="text/plain")
        words = "does not support" if code == 405 else "was not found for"
        answer = jsonify({"Message": f"The requested resource {words} {request.method}."})
        answer.status_code = code
        return answer

    for blueprint in (api.blueprint, api_transfers.blueprint):
        app.register_blueprint(blueprint, url_prefix="/<state>")
    app.register_blueprint(web.home)
    for pages in (web.blueprint, web_transfers.blueprint, web_packages.blueprint):
        app.register_blueprint(pages, url_prefix="/<state>/web")
    # Flask answers an exception with a page; a cut connection must have none.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def _misbehave(fault: str, trouble: Faults) -> Response | None:
    if fault == "reset-before":
        raise ConnectionCut
    if fault == "slow":
        time.sleep(trouble.delay)
    if fault == "500":
        return Response("<html><h1>Server Error (500)</h1></html>", 500, mimetype="text/html")
    if fault == "400":
        answer = jsonify({"Message": "Could not load file or assembly 'Example'."})
        answer.status_code = 400
        return answer
    if fault == "429":
        return _refusal(Throttled(1))
    return None


def _refusal(error: SandboxError) -> Response:
    text = g.world.rules.empty_body if error.body is None else json.dumps(error.body)
    answer = Response(text, error.status, mimetype="application/json")
    answer.headers.update(error.headers)
    return answer


def _note(world: World, status: int) -> None:
    if len(world.requests) >= LONGEST_LOG:
        del world.requests[: LONGEST_LOG // 2]
    world.requests.append(
        LoggedRequest(
            request.method,
            request.path[len(world.rules.code) + 1 :],
            request.query_string.decode("utf-8", "replace"),
            status,
            request.get_json(silent=True) if request.data else None,
        )
    )
