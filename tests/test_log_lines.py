"""Log lines and error reports: which account, which order, which request; and never a key."""

import io
import json
import logging
import logging.config

import pytest
import sentry_sdk
from cryptography.fernet import Fernet
from django.test import Client, RequestFactory
from sentry_sdk.transport import Transport
from structlog.contextvars import bound_contextvars, get_contextvars

from config.error_reports import start_error_reports
from config.logging import logging_config
from config.redaction import Redaction
from config.request_id import RequestIdMiddleware

KEY = "9f2c4e81aa77d0b3c65e1f90"
SECRET = "correct-horse-battery"
# Up here, because a report holds the lines of code around the error.
PERSON = "dana@peak.example"
REQUEST = {
    "method": "POST",
    "url": "https://leafbridge.example/leaflink/?token=abc",
    "headers": {"Authorization": f"App {KEY}", "Cookie": "sessionid=1"},
    "data": {"license": "402R-1"},
}


@pytest.fixture
def lines():
    """What a logger of production's settings writes; returns (logger, read)."""
    config = logging_config(json=True, level="INFO", secrets=[SECRET, ""])
    formatter = config["formatters"]["structured"]
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(formatter["()"](**{k: v for k, v in formatter.items() if k != "()"}))
    logger = logging.getLogger("test.lines")
    logger.handlers, logger.propagate = [handler], False
    yield logger, handler.stream.getvalue
    logger.handlers, logger.propagate = [], True


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: App {KEY}",
        f"headers {{'Authorization': 'App {KEY}', 'Accept': '*/*'}}",
        f'{{"app_key": "{KEY}", "name": "Alder"}}',
        f'{{\\"webhook_key\\": \\"{KEY}\\"}}',
        f"app_key={KEY}&x=1",
        f"password = {KEY}",
        f"called with Bearer {KEY}",
        f"redis://:{KEY}@queue.example:6379/0",
        f"postgres://leafbridge:{KEY}@db.example/leafbridge",
        f"Cookie: sessionid={KEY}",
        f"LL-Signature: {KEY}",
    ],
)
def test_what_looks_like_a_key_is_cut(text):
    cut = Redaction().text(text)
    assert KEY not in cut
    assert "[cut]" in cut


def test_an_encrypted_key_is_cut_too():
    stored = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    assert stored not in Redaction().text(f"duplicate key value: ({stored})")


@pytest.mark.parametrize(
    "text",
    [
        "There is no App key. Paste one under the account's keys.",
        "App permissions are missing: Orders, Products",
        "https://app.leaflink.com/api/v2/orders-received/?limit=100",
        "order 0b1c6f1e-2c8f-4c58-a4ab-6a3d0c6e7a11 failed",
        "Basic information of the product is missing.",
    ],
)
def test_ordinary_words_stay(text):
    assert Redaction().text(text) == text


def test_a_line_names_the_account_and_holds_no_key(lines):
    logger, read = lines
    with bound_contextvars(account=3, order="abc-1", request_id="r1"):
        try:
            raise ValueError(f"Authorization: App {KEY} and {SECRET}")
        except ValueError:
            logger.exception("step failed", extra={"app_key": KEY})
    line = json.loads(read())
    assert (line["account"], line["order"], line["request_id"]) == (3, "abc-1", "r1")
    assert line["level"] == "error"
    assert line["app_key"] == "[cut]"
    assert "exception" in line
    assert KEY not in read()
    assert SECRET not in read()


def test_each_request_has_a_number():
    seen = []

    def answer(request):
        seen.append(get_contextvars()["request_id"])
        from django.http import HttpResponse

        return HttpResponse()

    middleware = RequestIdMiddleware(answer)
    factory = RequestFactory()
    first = middleware(factory.get("/"))
    assert first["X-Request-ID"] == seen[0]
    given = middleware(factory.get("/", headers={"X-Request-ID": "proxy-12345678"}))
    assert given["X-Request-ID"] == seen[1] == "proxy-12345678"
    forged = middleware(factory.get("/", headers={"X-Request-ID": "a b {evil}"}))
    assert forged["X-Request-ID"] == seen[2] != "a b {evil}"
    assert "request_id" not in get_contextvars()


def test_the_number_is_in_every_answer():
    assert Client().get("/healthz")["X-Request-ID"]


class Stub(Transport):
    """Takes what would be sent."""

    sent = []

    def capture_envelope(self, envelope):
        Stub.sent += [item.payload.json for item in envelope.items]


@pytest.fixture
def reports():
    Stub.sent.clear()
    start_error_reports(
        "https://public@errors.example/1",
        "test",
        [SECRET],
        transport=Stub,
        default_integrations=False,
        auto_enabling_integrations=False,
    )
    yield Stub.sent
    sentry_sdk.get_global_scope().set_client(None)
    sentry_sdk.get_isolation_scope().clear()


def test_an_error_report_holds_no_request_no_variables_no_keys(reports):
    app_key = KEY

    def refuse():
        raise ValueError(f"refused: Authorization: App {app_key}; {SECRET}")

    with sentry_sdk.isolation_scope() as scope:
        scope.set_user({"email": PERSON})
        scope.add_event_processor(
            lambda event, hint: {
                **event,
                "request": REQUEST,
            }
        )
        try:
            refuse()
        except ValueError as error:
            sentry_sdk.capture_exception(error)
    (event,) = reports
    said = json.dumps(event)
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert event["request"] == {"method": "POST", "url": "https://leafbridge.example/leaflink/"}
    for secret in (KEY, SECRET, PERSON, "sessionid", "402R-1", "token=abc"):
        assert secret not in said
    assert '"vars"' not in said


def test_without_a_dsn_nothing_is_reported():
    start_error_reports("", "test")
    assert not sentry_sdk.get_client().is_active()
