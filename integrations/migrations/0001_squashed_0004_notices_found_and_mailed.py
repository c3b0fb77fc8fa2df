import django.db.models.deletion
import django.utils.timezone
import integrations.mail_addresses
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('integrations', '0001_initial'), ('integrations', '0002_budget_use_and_worker'), ('integrations', '0003_calls_and_skipped'), ('integrations', '0004_notices_found_and_mailed')]

    initial = True

    dependencies = [
        ('auth', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('owner', models.CharField(max_length=200, unique=True)),
                ('tokens', models.FloatField()),
                ('counted_at', models.DateTimeField()),
                ('paused_until', models.DateTimeField(null=True)),
                ('version', models.PositiveBigIntegerField(default=0)),
                ('minute', models.DateTimeField(null=True)),
                ('used', models.PositiveIntegerField(default=0)),
                ('used_before', models.PositiveIntegerField(default=0)),
                ('throttled_at', models.DateTimeField(null=True, verbose_name='told to slow down')),
            ],
        ),
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('is_active', models.BooleanField(default=True, help_text='Off: nothing is sent or fetched, webhooks are refused.', verbose_name='active')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('notice_recipients', models.TextField(blank=True, help_text='E-mail addresses, one on each line. They get the notices of this account, beside the people who asked for them.', validators=[integrations.mail_addresses.validate_addresses], verbose_name='also tell by mail')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=50, unique=True)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Lease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=150, unique=True)),
                ('holder', models.UUIDField(null=True)),
                ('host', models.CharField(blank=True, max_length=255)),
                ('pid', models.PositiveIntegerField(default=0)),
                ('until', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connection', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='integrations.connection')),
                ('category', models.CharField(choices=[('credentials', 'Key or permission'), ('brake', 'Waits for your yes'), ('held', 'Held orders'), ('conflict', 'The two sides disagree'), ('payment', 'Payments'), ('refused', 'Refused by the vendor'), ('stock', 'Stock'), ('link', 'Links'), ('webhook', 'Webhooks'), ('stuck', 'Stuck work'), ('unreadable', 'Unreadable record'), ('license', 'Licenses'), ('setup', 'Set-up'), ('mail', 'Mail'), ('run_failed', 'Run failed')], max_length=20)),
                ('source', models.CharField(blank=True, max_length=50)),
                ('key', models.CharField(max_length=150)),
                ('text', models.TextField()),
                ('cure', models.CharField(blank=True, max_length=200)),
                ('url', models.CharField(blank=True, max_length=500)),
                ('waiting', models.PositiveIntegerField(default=0, verbose_name='records that wait')),
                ('first_seen_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='first seen')),
                ('last_seen_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='last seen')),
                ('times', models.PositiveIntegerField(default=1)),
                ('resolved_at', models.DateTimeField(null=True, verbose_name='resolved')),
                ('snoozed_until', models.DateTimeField(null=True, verbose_name='snoozed until')),
                ('snooze_reason', models.CharField(blank=True, max_length=300, verbose_name='snoozed because')),
                ('snoozed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('assigned_to', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='assigned_notices', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-last_seen_at'],
                'indexes': [models.Index(condition=models.Q(('resolved_at__isnull', True)), fields=['source'], name='notice_open')],
                'constraints': [models.UniqueConstraint(models.F('connection'), models.F('category'), models.F('key'), condition=models.Q(('connection__isnull', False), ('resolved_at__isnull', True)), name='notice_open_once'), models.UniqueConstraint(models.F('category'), models.F('key'), condition=models.Q(('connection__isnull', True), ('resolved_at__isnull', True)), name='notice_open_once_for_all')],
            },
        ),
        migrations.CreateModel(
            name='NoticeMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('notice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='integrations.notice')),
                ('address', models.EmailField(max_length=255)),
                ('about', models.CharField(choices=[('opened', 'Opened'), ('resolved', 'Resolved')], max_length=10)),
                ('category', models.CharField(choices=[('credentials', 'Key or permission'), ('brake', 'Waits for your yes'), ('held', 'Held orders'), ('conflict', 'The two sides disagree'), ('payment', 'Payments'), ('refused', 'Refused by the vendor'), ('stock', 'Stock'), ('link', 'Links'), ('webhook', 'Webhooks'), ('stuck', 'Stuck work'), ('unreadable', 'Unreadable record'), ('license', 'Licenses'), ('setup', 'Set-up'), ('mail', 'Mail'), ('run_failed', 'Run failed')], max_length=20)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name': 'mail about a notice',
                'verbose_name_plural': 'mails about notices',
                'indexes': [models.Index(fields=['address', '-at'], name='notice_mail_lately')],
                'constraints': [models.UniqueConstraint(models.F('notice'), models.F('address'), models.F('about'), name='notice_mailed_once')],
            },
        ),
        migrations.CreateModel(
            name='NoticeWish',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='notice_wish', to=settings.AUTH_USER_MODEL)),
                ('frequency', models.CharField(choices=[('at_once', 'At once, one an hour of each kind'), ('hourly', 'Together, once an hour'), ('daily', 'Together, each morning at seven'), ('never', 'Never')], default='at_once', max_length=10, verbose_name='mails')),
                ('unwanted', models.JSONField(blank=True, default=list, verbose_name='leave out')),
            ],
            options={
                'verbose_name': 'wish for notices',
                'verbose_name_plural': 'wishes for notices',
            },
        ),
        migrations.CreateModel(
            name='PushDelay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='push_delays', to='integrations.connection')),
                ('hour', models.DateTimeField(db_index=True)),
                ('what', models.CharField(max_length=40)),
                ('within', models.FloatField()),
                ('pushes', models.PositiveIntegerField(default=0)),
                ('seconds', models.FloatField(default=0)),
                ('longest', models.FloatField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(models.F('connection'), models.F('hour'), models.F('what'), models.F('within'), name='push_delay_once_an_hour')],
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='integrations.connection')),
                ('kind', models.CharField(max_length=50)),
                ('outcome', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('partly', 'Done, with failures'), ('failed', 'Failed')], default='running', max_length=10)),
                ('started_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name='started')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('seen', models.PositiveIntegerField(default=0)),
                ('changed', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('skipped_why', models.JSONField(default=dict)),
                ('calls', models.PositiveIntegerField(default=0, verbose_name='calls')),
                ('problems', models.JSONField(default=list)),
                ('error', models.TextField(blank=True, verbose_name='why it ended')),
            ],
            options={
                'ordering': ['-started_at', '-pk'],
                'indexes': [models.Index(fields=['connection', 'kind', '-started_at'], name='run_latest')],
            },
        ),
        migrations.CreateModel(
            name='Call',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='vendor_calls', to='integrations.connection')),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='calls_made', to='integrations.run')),
                ('at', models.DateTimeField(db_index=True)),
                ('method', models.CharField(max_length=10)),
                ('path', models.CharField(max_length=300)),
                ('what', models.CharField(max_length=40, verbose_name='for')),
                ('is_page', models.BooleanField(default=False)),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('outcome', models.CharField(choices=[('ok', 'Done'), ('wait', 'Told to wait'), ('refused', 'Refused'), ('gone', 'Not there'), ('credentials', 'Key or permission'), ('bad_payload', 'Unreadable answer'), ('unknown', 'Answer lost')], max_length=15)),
                ('said', models.TextField(blank=True, verbose_name='in words')),
                ('milliseconds', models.PositiveIntegerField(verbose_name='took (ms)')),
                ('record_kind', models.CharField(blank=True, max_length=20)),
                ('record_key', models.CharField(blank=True, max_length=100)),
                ('request', models.TextField(blank=True, verbose_name='sent')),
                ('answer', models.TextField(blank=True, verbose_name='answered')),
            ],
            options={
                'ordering': ['-at', '-pk'],
                'indexes': [models.Index(condition=models.Q(('record_kind', ''), _negated=True), fields=['connection', 'record_kind', 'record_key', '-at'], name='call_of_record')],
            },
        ),
        migrations.CreateModel(
            name='WorkItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='work', to='integrations.connection')),
                ('kind', models.CharField(max_length=50)),
                ('key', models.CharField(max_length=100)),
                ('priority', models.PositiveSmallIntegerField(choices=[(10, 'Orders'), (20, 'Stock'), (25, 'Stock, swept'), (30, 'The rest')], default=30)),
                ('request', models.UUIDField()),
                ('requested_at', models.DateTimeField(verbose_name='asked for')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('not_before', models.DateTimeField()),
                ('lease', models.UUIDField(null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('host', models.CharField(blank=True, max_length=255)),
                ('pid', models.PositiveIntegerField(default=0)),
                ('stuck_at', models.DateTimeField(null=True, verbose_name='stuck since')),
                ('error_class', models.CharField(blank=True, max_length=50)),
                ('error', models.TextField(blank=True)),
            ],
            options={
                'verbose_name': 'work item',
                'ordering': ['priority', 'not_before', 'pk'],
                'permissions': [('retry_workitem', 'Can retry stuck work')],
                'indexes': [models.Index(condition=models.Q(('stuck_at__isnull', True)), fields=['priority', 'not_before'], name='work_item_waiting')],
                'constraints': [models.UniqueConstraint(models.F('connection'), models.F('kind'), models.F('key'), name='work_item_once')],
            },
        ),
        migrations.CreateModel(
            name='CallCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='call_counts', to='integrations.connection')),
                ('hour', models.DateTimeField(db_index=True)),
                ('what', models.CharField(max_length=40)),
                ('outcome', models.CharField(choices=[('ok', 'Done'), ('wait', 'Told to wait'), ('refused', 'Refused'), ('gone', 'Not there'), ('credentials', 'Key or permission'), ('bad_payload', 'Unreadable answer'), ('unknown', 'Answer lost')], max_length=15)),
                ('calls', models.PositiveIntegerField(default=0)),
                ('milliseconds', models.PositiveBigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(models.F('connection'), models.F('hour'), models.F('what'), models.F('outcome'), name='call_count_once_an_hour')],
            },
        ),
    ]
