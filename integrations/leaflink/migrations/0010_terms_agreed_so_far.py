from django.db import migrations

SOME = 500
CAUGHT_UP = {
    "Fulfilled": ("allocated", "shipped", "completed"),
    "Shipped": ("shipped", "completed"),
    "Complete": ("shipped", "completed"),
}


def agree(apps, schema_editor):
    """What orders say now came from LeafLink, so it is agreed: what people change from here on is
    theirs to send."""
    orders = apps.get_model("leaflink", "Order").objects.using(schema_editor.connection.alias)
    rows = orders.filter(sales_order__isnull=False, agreed={}).select_related("sales_order")
    last = 0
    while some := list(rows.filter(pk__gt=last).defer("raw").order_by("pk")[:SOME]):
        last = some[-1].pk
        for order in some:
            local = order.sales_order
            order.agreed = {
                "delivery_date": local.delivery_date.isoformat() if local.delivery_date else "",
                "shipping_details": "",
                "payment_term": local.payment_term,
                "payment_due_on": local.payment_due_on.isoformat() if local.payment_due_on else "",
            }
            ahead = CAUGHT_UP.get(order.status)
            if ahead is None or local.status in ahead:
                order.agreed_status = order.status
        orders.bulk_update(some, ["agreed", "agreed_status"])


class Migration(migrations.Migration):
    dependencies = [
        ("leaflink", "0009_order_life"),
        ("orders", "0002_terms_lots_and_payments"),
    ]

    operations = [migrations.RunPython(agree, migrations.RunPython.noop)]
