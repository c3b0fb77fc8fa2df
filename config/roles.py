"""Who may do what: six roles, each a group with these permissions and no others.

A migration makes the groups. An administrator may give a group more or less afterwards; a later
migration adds only the permissions that are new with it, and takes nothing back that was changed.
Each permission is named here: none comes with a model that is added some day.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions

from customers.own import SALES_REP


@dataclass(frozen=True)
class Role:
    """`what_for`: the sentence that tells an administrator whom to give it."""

    name: str
    what_for: str
    permissions: frozenset[str]


def _each(verbs: str, app: str, models: str) -> set[str]:
    """Permissions of each verb on each model, both as words between blanks."""
    return {f"{app}.{verb}_{model}" for verb in verbs.split() for model in models.split()}


_SEES_ORDERS = {
    *_each("view", "orders", "salesorder orderline orderdiscount statuschange payment"),
    *_each("view", "customers", "destination address"),
    *_each("view", "leaflink", "order lineitem"),
    *_each("view", "metrc", "match"),
}
_SEES = {
    *_SEES_ORDERS,
    *_each("view", "catalog", "brand facility item lot movement productline stock strain"),
    *_each("view", "customers", "salesrep"),
    *_each("view", "orders", "taxrate allocation"),
    *_each("view", "integrations", "run workitem notice call"),
    *_each(
        "view",
        "leaflink",
        "account accountbrand routingrule product listing offer drift listentry customer staff "
        "webhookdelivery",
    ),
    *_each("view", "metrc", "metrcaccount metrcitem package transfer transfertemplate"),
    *_each("view", "django_q", "schedule"),
}
_BACK_OFFICE = {
    *_SEES,
    *_each("add change", "catalog", "item lot productline strain"),
    *_each("add import", "catalog", "stock"),
    *_each("add change", "customers", "destination address salesrep"),
    *_each("delete", "customers", "address"),
    *_each("change", "leaflink", "customer staff"),
    *_each("work", "orders", "salesorder"),
    *_each("add", "orders", "payment"),
    *_each("change", "integrations", "notice"),
    *_each("retry", "integrations", "workitem"),
    *_each("change", "metrc", "metrcitem"),
    "metrc.assign_package",
    "metrc.match_transfer",
    "metrc.send_transfertemplate",
    "metrc.settle_discrepancy",
    "metrc.sync_metrcaccount",
}
_MANAGER = {
    *_BACK_OFFICE,
    *_each("export", "catalog", "facility item stock"),
    *_each("import", "catalog", "item"),
    *_each("add change", "catalog", "brand facility"),
    *_each("delete", "catalog", "item lot productline strain"),
    *_each("export import delete", "customers", "destination"),
    *_each("delete", "customers", "salesrep"),
    *_each("export delete", "orders", "salesorder"),
    *_each("void", "orders", "payment"),
    *_each("add change delete export import", "leaflink", "listing"),
    *_each("add change", "leaflink", "offer"),
    *_each("change export", "leaflink", "drift"),
    *_each("decide unsync", "leaflink", "order"),
    "leaflink.import_order_anyway",
    "leaflink.sync_account",
}
_ADMINISTRATOR = {
    *_MANAGER,
    *_each("delete", "catalog", "brand facility"),
    *_each("add change delete", "orders", "taxrate"),
    *_each("add change", "leaflink", "account"),
    *_each("add change delete", "leaflink", "accountbrand routingrule"),
    *_each("add change", "metrc", "metrcaccount"),
    *_each("view add change delete", "auth", "user group"),
    *_each("view", "auth", "permission"),
    *_each("view delete", "config", "blockedlogin"),
}

ADMINISTRATOR = "Administrator"
ROLES = (
    Role(
        ADMINISTRATOR,
        "For whoever runs this system: keys and rules of LeafLink and Metrc accounts, logins and "
        "roles, and all that the other roles may do.",
        frozenset(_ADMINISTRATOR),
    ),
    Role(
        "Manager",
        "Links products, imports and exports, decides between our and LeafLink's version of an "
        "order, imports orders anyway, and says yes when many products would sell out.",
        frozenset(_MANAGER),
    ),
    Role(
        "Back office",
        "The daily work: orders and payments, receiving and counting stock, items, Metrc packages, "
        "templates and transfers, and which rep and which customer is whose.",
        frozenset(_BACK_OFFICE),
    ),
    Role(
        SALES_REP,
        "Looks at own orders and destinations, and at nobody else's. Choose this login on the "
        "rep's page under Sales reps: a login that belongs to no rep sees no orders.",
        frozenset(_SEES_ORDERS),
    ),
    Role(
        "Read only",
        "Looks at everything but keys and logins, and changes nothing.",
        frozenset(_SEES),
    ),
)
BY_NAME = {role.name: role for role in ROLES}


def make_roles(apps: Any, schema_editor: Any, only: Collection[str] | None = None) -> None:
    """For migrations: make the groups, and give each the permissions of its role.

    `apps` is the migration's, whose dependencies say which permissions there are already; what a
    role needs of later ones is granted by a later migration, which calls this again with the new
    permissions in `only`, so that nothing comes back that an administrator took away.
    """
    using = schema_editor.connection.alias
    wanted = {one for role in ROLES for one in role.permissions}
    wanted = wanted if only is None else wanted & set(only)
    there = _permissions(apps, using, wanted)
    Group = apps.get_model("auth", "Group")
    for role in ROLES:
        group, _ = Group.objects.using(using).get_or_create(name=role.name)
        group.permissions.add(*(pk for name, pk in there.items() if name in role.permissions))


def unmake_roles(apps: Any, schema_editor: Any) -> None:
    """For migrations, backwards: take the groups away that nobody is in."""
    Group = apps.get_model("auth", "Group")
    groups = Group.objects.using(schema_editor.connection.alias)
    groups.filter(name__in=BY_NAME, user__isnull=True).delete()


def _permissions(apps: Any, using: str, wanted: set[str]) -> dict[str, int]:
    """The ids of these permissions, made where Django, which does so after all migrations, has not
    yet."""
    for label in sorted({name.partition(".")[0] for name in wanted}):
        if label not in apps.app_configs:
            continue
        config = apps.get_app_config(label)
        # Django passes over apps without a models module, which a migration's have none of.
        config.models_module = installed.get_app_config(label).models_module
        try:
            create_permissions(config, verbosity=0, using=using, apps=apps)
        finally:
            config.models_module = None
    rows = apps.get_model("auth", "Permission").objects.using(using)
    names = rows.values_list("content_type__app_label", "codename", "pk")
    return {name: pk for app, codename, pk in names if (name := f"{app}.{codename}") in wanted}
