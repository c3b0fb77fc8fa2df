"""The admin's sidebar, in the order of the working day, and the label of the environment."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy

# Pages of one model that have an entry of their own.
CONFLICTS = "leaflink_order_conflicts"
WORKBENCH = {f"leaflink_listing_{name}" for name in ("workbench", "exact_skus", "undo")}


# Like `config.dashboard.VIEW`, which can't be imported from the settings.
DASHBOARD = ("leaflink.view_order", "leaflink.view_account", "integrations.view_run")


def _page(request: HttpRequest) -> str:
    return (request.resolver_match.url_name if request.resolver_match else "") or ""


def _active(model: str) -> Any:
    """Whether the present page is of this model: by its URL name, not by how its path begins."""

    def is_active(request: HttpRequest) -> bool:
        return (
            _page(request) not in {*WORKBENCH, CONFLICTS}
            and _page(request).rsplit("_", 1)[0] == model
        )

    return is_active


def _model(title: str, icon: str, app: str, name: str) -> dict[str, Any]:
    """A sidebar entry for a model's list, shown to those who may see the model."""

    def is_permitted(request: HttpRequest) -> bool:
        return request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(
            f"{app}.change_{name}"
        )

    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": is_permitted,
        "active": _active(f"{app}_{name}"),
    }


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "Today",
        "items": [
            {
                "title": "Needs attention",
                "icon": "checklist",
                "link": reverse_lazy("admin:index"),
                "active": lambda request: (
                    bool(request.resolver_match) and request.resolver_match.url_name == "index"
                ),
            },
            {
                "title": "Dashboard",
                "icon": "space_dashboard",
                "link": reverse_lazy("dashboard"),
                "permission": lambda request: request.user.has_perms(DASHBOARD),
                "active": lambda request: _page(request) == "dashboard",
            },
            _model("LeafLink orders", "inbox", "leaflink", "order"),
            _model("Sales orders", "receipt_long", "orders", "salesorder"),
            {
                "title": "Conflicts",
                "icon": "compare_arrows",
                "link": reverse_lazy("admin:leaflink_order_conflicts"),
                "permission": lambda request: request.user.has_perm("leaflink.view_order"),
                "active": lambda request: _page(request) == CONFLICTS,
            },
            _model("Notices", "notifications", "integrations", "notice"),
        ],
    },
    {
        "title": "Catalog",
        "separator": True,
        "items": [
            _model("Items", "inventory_2", "catalog", "item"),
            _model("Stock", "warehouse", "catalog", "stock"),
            _model("Lots", "qr_code_2", "catalog", "lot"),
            _model("Brands", "sell", "catalog", "brand"),
            _model("Facilities", "factory", "catalog", "facility"),
        ],
    },
    {
        "title": "Customers",
        "separator": True,
        "items": [
            _model("Destinations", "storefront", "customers", "destination"),
            _model("Sales reps", "badge", "customers", "salesrep"),
        ],
    },
    {
        "title": "LeafLink",
        "separator": True,
        "items": [
            {
                "title": "Link products",
                "icon": "add_link",
                "link": reverse_lazy("admin:leaflink_listing_workbench"),
                "permission": lambda request: request.user.has_perms(
                    ["leaflink.view_listing", "leaflink.view_product", "catalog.view_item"]
                ),
                "active": lambda request: _page(request) in WORKBENCH,
            },
            _model("LeafLink products", "category", "leaflink", "product"),
            _model("Linked products", "link", "leaflink", "listing"),
            _model("Differences", "difference", "leaflink", "drift"),
            _model("LeafLink customers", "contacts", "leaflink", "customer"),
            _model("LeafLink staff", "group", "leaflink", "staff"),
            _model("LeafLink accounts", "key", "leaflink", "account"),
        ],
    },
    {
        "title": "Metrc",
        "separator": True,
        "items": [
            _model("Packages", "package_2", "metrc", "package"),
            _model("Metrc transfers", "local_shipping", "metrc", "transfer"),
            _model("Transfer templates", "assignment", "metrc", "transfertemplate"),
            _model("Metrc items", "label", "metrc", "metrcitem"),
            _model("Metrc accounts", "key", "metrc", "metrcaccount"),
        ],
    },
    {
        "title": "Behind the scenes",
        "separator": True,
        "collapsible": True,
        "items": [
            _model("Runs", "history", "integrations", "run"),
            _model("Calls", "swap_horiz", "integrations", "call"),
            _model("Waiting work", "pending_actions", "integrations", "workitem"),
            _model("LeafLink's lists", "list", "leaflink", "listentry"),
            _model("Webhooks received", "webhook", "leaflink", "webhookdelivery"),
            _model("Stock movements", "swap_vert", "catalog", "movement"),
            _model("Tax rates", "percent", "orders", "taxrate"),
            _model("Schedules", "schedule", "django_q", "schedule"),
            _model("Users", "person", "auth", "user"),
            _model("Roles", "groups", "auth", "group"),
            _model("Blocked logins", "lock_clock", "config", "blockedlogin"),
        ],
    },
]


def environment_label(request: HttpRequest) -> list[str] | None:
    """The ribbon beside the site's name: which kind of installation this is."""
    from django.conf import settings

    return None if settings.PRODUCTION else ["Development", "info"]
