from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("leaflink", "0003_inventory_mode_moves_to_the_offer")]
    operations = [migrations.RemoveField(model_name="listing", name="mode")]
