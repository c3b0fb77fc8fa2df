from functools import partial

from django.db import migrations

from config.roles import ROLES, make_roles

NEW = {one for role in ROLES for one in role.permissions if one.startswith("metrc.")}


class Migration(migrations.Migration):
    dependencies = [("config", "0001_roles"), ("metrc", "0001_initial")]

    operations = [
        migrations.RunPython(partial(make_roles, only=NEW), migrations.RunPython.noop),
    ]
