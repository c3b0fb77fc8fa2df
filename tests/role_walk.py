"""Every address and every action, asked for as each role and as nobody; what each is answered.

Nothing stays done: each request is rolled back before the next.
"""

import csv
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from axes.models import AccessAttempt
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.template.response import SimpleTemplateResponse
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from django_q.models import Schedule
from model_bakery import baker

from config.roles import ADMINISTRATOR, ROLES
from customers.models import Destination, SalesRep
from customers.own import SALES_REP
from integrations.leaflink.models import (
    Account,
    Drift,
    ListEntry,
    Listing,
    Order,
    OrderPayment,
    Staff,
)
from integrations.metrc.models import (
    Delivery,
    Discrepancy,
    ManifestFile,
    Match,
    MetrcAccount,
    MetrcFacility,
    MetrcItem,
    Package,
    PossibleMatch,
    Transfer,
    TransferTemplate,
)
from integrations.models import Call, Run
from orders.models import Payment, SalesOrder

TABLE = Path(__file__).parent / "role_table.csv"
NOBODY, ANOTHERS = "nobody", f"{SALES_REP}, another's"
ASKERS = [NOBODY, *(role.name for role in ROLES)]
ASKERS.insert(ASKERS.index(SALES_REP) + 1, ANOTHERS)
OWNED = (SalesOrder, Order, Destination)
# Whose pages are drawn too, beside the administrator's.
DRAWN = (SALES_REP, ANOTHERS, "Read only")


@dataclass
class Asked:
    """A row of the table: `path` of own things, `other` of another rep's."""

    what: str
    method: str
    path: str
    other: str
    data: dict = field(default_factory=dict)
    is_action: bool = False


def prepare(world):
    """The logins of the roles, and what the world of the admin pages lacks; `world` is made."""
    made = SimpleNamespace(users={})
    for role in ROLES:
        user = User.objects.create_user(f"{role.name} person", is_staff=True)
        user.groups.add(Group.objects.get(name=role.name))
        made.users[role.name] = user
    made.users[ANOTHERS] = made.users[SALES_REP]
    rep = baker.make(SalesRep, name="Own", email="own@x.example", user=made.users[SALES_REP])
    order = SalesOrder.objects.order_by("pk").first()
    SalesOrder.objects.filter(pk=order.pk).update(sales_rep=rep)
    account = Account.objects.order_by("pk").first()
    for one in SalesOrder.objects.all():
        payment = baker.make(Payment, order=one, amount=1, paid_on="2026-01-01")
        baker.make(
            OrderPayment, order=one.leaflink_order, payment=payment, state="refused", problem="No."
        )
    baker.make(Drift, listing=Listing.objects.order_by("pk").first(), field="name")
    baker.make(ListEntry, account=account, name="Entry")
    _prepare_metrc()
    call = {"at": timezone.now(), "method": "GET", "path": "/orders-received/", "outcome": "ok"}
    baker.make(Call, connection=account, what="Orders read", milliseconds=1, **call)
    baker.make(Schedule, name="A job", func="math.floor")
    baker.make(AccessAttempt, username="lee", ip_address="10.0.0.1", failures_since_start=5)
    return made


def _prepare_metrc():
    """A license in Metrc for each order's facility, with a transfer that is the order's."""
    account = baker.make(MetrcAccount, name="Metrc", state="CO", environment="sandbox")
    item = baker.make(MetrcItem, account=account, name="Gummies")
    for number, order in enumerate(SalesOrder.objects.order_by("pk")):
        facility = baker.make(
            MetrcFacility,
            account=account,
            license_number=order.facility.license_number,
            facility=order.facility,
        )
        known = {"facility": facility, "remote_id": number}
        baker.make(Package, metrc_item=item, label=f"TAG{number}", quantity=1, **known)
        baker.make(TransferTemplate, order=order, name=order.number, **known)
        transfer = baker.make(Transfer, manifest_number=f"000{number}", **known)
        baker.make(ManifestFile, transfer=transfer, content=b"%PDF-1.4")
        delivery = baker.make(Delivery, transfer=transfer, remote_id=number)
        match = baker.make(Match, order=order, delivery=delivery)
        baker.make(Discrepancy, match=match, label=f"TAG{number}", kind="short", quantity=1)
        baker.make(PossibleMatch, order=order, delivery=delivery, reasons=["Same customer"])


def addresses(resolver=None, where="", namespace=""):
    """(name, route) of every address; those without a name go by their route."""
    for one in (resolver or get_resolver()).url_patterns:
        route = where + str(one.pattern)
        if hasattr(one, "url_patterns"):
            inner = f"{namespace}{one.namespace}:" if one.namespace else namespace
            yield from addresses(one, route, inner)
        else:
            yield (namespace + one.name if one.name else f"/{route}"), route


def questions():
    """Every address by GET and POST, and every action of every list."""
    rows = []
    for name, route in addresses():
        model = _model_of(name, route)
        path, other = (_path(name, route, model, which) for which in (0, 1))
        rows += [
            Asked(name, method, path, other, _data(name, model) if method == "POST" else {})
            for method in ("GET", "POST")
        ]
    request = SimpleNamespace(user=User(is_superuser=True, is_active=True), GET={}, POST={})
    for model, one in admin.site._registry.items():
        label = model._meta.label_lower.replace(".", "_")
        path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for action in one.get_actions(request):
            rows.append(
                Asked(
                    f"admin:{label}_changelist, action {action}",
                    "POST",
                    path,
                    path,
                    {"action": action, "_selected_action": _pk(model, 0), "reason": "Because"},
                    is_action=True,
                )
            )
    return [*rows, *_searches()]


def _searches():
    """What the pickers of forms ask for, once for each kind of record that can be picked."""
    picked = {}
    for model, one in admin.site._registry.items():
        for name in one.autocomplete_fields:
            related = model._meta.get_field(name)
            picked.setdefault(related.related_model, related)
    for target, related in sorted(picked.items(), key=lambda pair: pair[0]._meta.label):
        label = related.model._meta
        data = {"app_label": label.app_label, "model_name": label.model_name}
        data |= {"field_name": related.name, "term": ""}
        path = "/admin/autocomplete/"
        what = f"admin:autocomplete, of {target._meta.label}"
        yield Asked(what, "GET", path, path, data)


def _model_of(name, route):
    parts = route.removeprefix("admin/").split("/")
    try:
        model = apps.get_model(parts[0], parts[1]) if len(parts) > 2 else None
    except LookupError:
        return None
    return model if model in admin.site._registry else None


def _pk(model, which):
    """An id: the first of all; of what has an owner another rep's where `which` is 1."""
    rows = model._default_manager.order_by("pk")
    if model is User:
        return rows.get(username="Read only person").pk
    return rows[which if model in OWNED else 0].pk


def _path(name, route, model, which):
    order = SalesOrder.objects.order_by("pk")[which]
    is_metrc = route.startswith("admin/metrc/")
    match = order.metrc_matches.first()
    values = {
        "account_id": _pk(MetrcAccount if is_metrc else Account, 0),
        "app_label": "orders",
        "call_id": _pk(Call, 0),
        "preset": "flourish",
        "run_id": _pk(Run, 0),
        "step": "rules",
        "content_type_id": ContentType.objects.get_for_model(SalesOrder).pk,
        "drift_id": _pk(Drift, 0),
        "item_id": order.lines.first().item_id,
        "line_id": order.lines.first().pk,
        "listing_id": _pk(Listing, 0),
        "order_id": order.pk if is_metrc else _pk(model, which) if model in OWNED else 0,
        "delivery_id": match.delivery_id,
        "discrepancy_id": match.discrepancies.first().pk,
        "payment_id": order.payments.first().pk,
        "row_id": order.leaflink_order.payments.first().pk,
        "staff_id": _pk(Staff, 0),
        "user_id": _pk(User, 0),
        "verb": "cancel",
        "webhook_id": Account.objects.order_by("pk").first().webhook_id,
        "object_id": _pk(model, which) if model else order.pk,
        "id": _pk(model, which) if model else order.pk,
    }
    if name == "admin:app_list":
        return "/admin/orders/"
    if "(?P<url>" in route:
        return "/admin/nowhere"
    path = route.replace("\\Z", "").replace("^", "")
    while "<" in path:
        before, _, rest = path.partition("<")
        argument, _, after = rest.partition(">")
        path = f"{before}{values[argument.rpartition(':')[2]]}{after}"
    return f"/{path}"


def _data(name, model):
    if name.endswith("_export"):
        one = admin.site._registry[model]
        fields = {
            f"{resource.__name__.lower()}_{column}": "on"
            for resource in one.get_export_resource_classes(None)
            for column in resource.fields
        }
        return {"format": "0", **fields}
    return {"reason": "Because", "post": "yes" if "_delete" in name else ""}


class Walker:
    """Asks as one of ASKERS."""

    def __init__(self, asker, user):
        self.asker, self.client = asker, Client()
        if user:
            self.client.force_login(user)
        self.cookie = self.client.cookies.get(settings.SESSION_COOKIE_NAME)
        self.cookie = self.cookie.value if self.cookie else ""

    def ask(self, row):
        """The outcome in a word, and the answer."""
        path = row.other if self.asker == ANOTHERS else row.path
        if self.cookie:
            self.client.cookies[settings.SESSION_COOKIE_NAME] = self.cookie
        # Drawing pages takes most of the time: all are drawn for one role, looked at by three.
        is_drawn = self.asker == ADMINISTRATOR or (row.method == "GET" and self.asker in DRAWN)
        with transaction.atomic(), nullcontext() if is_drawn else undrawn():
            try:
                data = row.data
                if row.is_action and self.asker == ANOTHERS:
                    data = {**data, "_selected_action": self.anothers(row)}
                ask = self.client.get if row.method == "GET" else self.client.post
                answer = ask(path, data)
                if getattr(answer, "streaming", False):
                    answer.content = b"".join(answer)
                outcome = _word(answer, row)
            except Exception as error:
                answer, outcome = None, f"ERROR {type(error).__name__}: {error}"
            transaction.set_rollback(True)
        return outcome, answer

    def anothers(self, row):
        app, model = row.what.split(":")[1].split("_changelist")[0].split("_", 1)
        return _pk(apps.get_model(app, model), 1)


@contextmanager
def undrawn():
    """Views answer as ever, but their templates stay blank."""
    drawn = SimpleTemplateResponse.rendered_content
    SimpleTemplateResponse.rendered_content = ""
    try:
        yield
    finally:
        SimpleTemplateResponse.rendered_content = drawn


def _word(answer, row):
    where = answer.headers.get("Location", "")
    told = [str(one) for one in answer.wsgi_request._messages._queued_messages]
    if answer.status_code >= 500 and row.what != "readyz":
        return f"ERROR {answer.status_code}"
    if 300 <= answer.status_code < 400:
        if where.startswith("/admin/login/"):
            return "login"
        if where == "/admin/" and any("exist" in text for text in told):
            return "hidden"
        if row.is_action:
            return "done"
        return "leads on"
    if answer.status_code == 200 and row.is_action:
        # An action that is not offered is passed over, and the list is shown.
        is_list = "cl" in (getattr(answer, "context_data", None) or {})
        return "not offered" if is_list else "asks first"
    if answer.status_code == 200:
        return "file" if "attachment" in answer.headers.get("Content-Disposition", "") else "opens"
    words = {400: "refused", 403: "denied", 404: "not found", 405: "not this method"}
    return words.get(answer.status_code, str(answer.status_code))


def read_table():
    """{(what, method): {asker: outcome}} as the repository has it."""
    with TABLE.open(newline="") as file:
        return {
            (row["address"], row["method"]): {one: row[one] for one in ASKERS}
            for row in csv.DictReader(file)
        }


def write_table(found):
    """Put what was found into the repository's table."""
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["address", "method", *ASKERS])
        for (what, method), outcomes in sorted(found.items()):
            writer.writerow([what, method, *(outcomes[one] for one in ASKERS)])
