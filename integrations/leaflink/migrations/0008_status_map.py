from django.db import migrations, models

import integrations.leaflink.models.accounts

FLOURISH = {
    "partially_allocated": "Accepted",
    "allocated": "Fulfilled",
    "shipped": "Shipped",
    "canceled": "Rejected",
}
PRESETS = {
    "off": {},
    "flourish": FLOURISH,
    "distru": {"created": "Accepted", **FLOURISH, "completed": "Complete"},
}


def rules_become_maps(apps, schema_editor):
    """Each account follows the same table as before, which can be changed now."""
    accounts = apps.get_model("leaflink", "Account").objects
    for rule, table in PRESETS.items():
        accounts.filter(status_rule=rule).update(status_map=table)


def maps_become_rules(apps, schema_editor):
    """The nearest preset: a table of somebody's own has none, and becomes the one that does least."""
    for account in apps.get_model("leaflink", "Account").objects.all():
        rule = next((name for name, table in PRESETS.items() if table == account.status_map), "off")
        account.status_rule = rule
        account.save(update_fields=["status_rule"])


class Migration(migrations.Migration):
    dependencies = [("leaflink", "0007_order_choices")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="status_map",
            field=models.JSONField(
                default=integrations.leaflink.models.accounts.default_status_map,
                verbose_name="LeafLink follows our orders",
            ),
        ),
        migrations.RunPython(rules_become_maps, maps_become_rules),
        migrations.RemoveField(model_name="account", name="status_rule"),
    ]
