from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("metrc", "0002_connect"),
    ]

    operations = [
        migrations.AddField(
            model_name="transfertemplate",
            name="withdraw_asked_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="withdrawal asked for"),
        ),
    ]
