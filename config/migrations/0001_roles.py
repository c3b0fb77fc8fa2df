"""The roles as groups, and what two-factor sign-in keeps."""

import django.db.models.deletion
import django_otp.util
import integrations.encryption
from django.conf import settings
from django.db import migrations, models

from config.roles import make_roles, unmake_roles


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("axes", "0010_accessattemptexpiration"),
        ("catalog", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("customers", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
        ("integrations", "0004_notices_found_and_mailed"),
        ("leaflink", "0014_webhook_health"),
        ("orders", "0002_terms_lots_and_payments"),
    ]

    operations = [
        migrations.CreateModel(
            name='Authenticator',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The human-readable name of this device.', max_length=64)),
                ('confirmed', models.BooleanField(default=True, help_text='Is this device ready for use?')),
                ('throttling_failure_timestamp', models.DateTimeField(blank=True, default=None, help_text='A timestamp of the last failed verification attempt. Null if last attempt succeeded.', null=True)),
                ('throttling_failure_count', models.PositiveIntegerField(default=0, help_text='Number of successive failed attempts.')),
                ('created_at', models.DateTimeField(auto_now_add=True, help_text='The date and time when this device was initially created in the system.', null=True)),
                ('last_used_at', models.DateTimeField(blank=True, help_text='The most recent date and time this device was used.', null=True)),
                ('secret', integrations.encryption.EncryptedTextField(default=django_otp.util.random_hex)),
                ('drift', models.SmallIntegerField(default=0)),
                ('last_step', models.BigIntegerField(default=-1)),
                ('user', models.ForeignKey(help_text='The user that this device belongs to.', on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(models.F('user'), name='authenticator_once_per_user')],
            },
        ),
        migrations.CreateModel(
            name='BackupCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='backup_codes', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(models.F('user'), models.F('digest'), name='backup_code_once')],
            },
        ),
        migrations.CreateModel(
            name='BlockedLogin',
            fields=[],
            options={
                'verbose_name': 'blocked login',
                'proxy': True,
                'default_permissions': ('view', 'delete'),
                'indexes': [],
                'constraints': [],
            },
            bases=('axes.accessattempt',),
        ),
        # A later migration that brings permissions grants them so, with `only` the new ones.
        migrations.RunPython(make_roles, unmake_roles),
    ]
