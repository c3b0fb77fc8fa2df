import uuid

from django.db import migrations, models


def name_payments(apps, schema_editor):
    """Give each payment that was recorded before its own token, a thousand at a time."""
    payments = apps.get_model("orders", "Payment").objects.using(schema_editor.connection.alias)
    while some := list(payments.filter(token=None)[:1000]):
        for payment in some:
            payment.token = uuid.uuid4()
        payments.bulk_update(some, ["token"])


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="payment",
            options={
                "ordering": ["order", "paid_on", "pk"],
                "permissions": [("void_payment", "Can void payments")],
            },
        ),
        # Nothing has ever written it.
        migrations.RemoveField(model_name="orderline", name="requested_lot"),
        migrations.AddField(
            model_name="orderline",
            name="lot_number",
            field=models.CharField(blank=True, max_length=100, verbose_name="lot asked for"),
        ),
        migrations.AddField(
            model_name="orderline",
            name="waived_lot",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="payment",
            name="token",
            field=models.UUIDField(null=True, editable=False),
        ),
        migrations.RunPython(name_payments, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="payment",
            name="token",
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AddIndex(
            model_name="statuschange",
            index=models.Index(fields=["at"], name="status_change_at"),
        ),
        migrations.AddField(
            model_name="salesorder",
            name="shipping_details",
            field=models.CharField(
                blank=True,
                help_text="For the driver and the buyer: dock, hours, truck.",
                max_length=2000,
            ),
        ),
    ]
