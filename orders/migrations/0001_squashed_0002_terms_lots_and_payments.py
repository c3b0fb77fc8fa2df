import django.core.validators
import django.db.models.deletion
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('orders', '0001_initial'), ('orders', '0002_terms_lots_and_payments')]

    initial = True

    dependencies = [
        ('auth', '__first__'),
        ('catalog', '0001_initial'),
        ('customers', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='TaxRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('percent', models.DecimalField(decimal_places=4, max_digits=7, validators=[django.core.validators.MinValueValidator(Decimal('0')), django.core.validators.MaxValueValidator(Decimal('100'))])),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
            ],
            options={
                'ordering': ['percent', 'name'],
                'constraints': [models.UniqueConstraint(models.F('name'), name='tax_rate_name_once'), models.CheckConstraint(condition=models.Q(('percent__gte', 0), ('percent__lte', 100)), name='tax_rate_percent_0_to_100')],
            },
        ),
        migrations.CreateModel(
            name='SalesOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(editable=False, max_length=40, unique=True)),
                ('status', models.CharField(choices=[('created', 'Created'), ('partially_allocated', 'Partially allocated'), ('allocated', 'Allocated'), ('shipped', 'Shipped'), ('completed', 'Completed'), ('canceled', 'Canceled')], db_index=True, default='created', max_length=20)),
                ('destination', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='customers.destination')),
                ('facility', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='catalog.facility')),
                ('sales_rep', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='customers.salesrep')),
                ('brand', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='catalog.brand')),
                ('placed_at', models.DateTimeField(db_index=True, verbose_name='placed')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('delivery_date', models.DateField(blank=True, null=True)),
                ('shipping_details', models.CharField(blank=True, help_text='For the driver and the buyer: dock, hours, truck.', max_length=2000)),
                ('payment_term', models.CharField(blank=True, choices=[('cod', 'Cash on Delivery'), ('consign', 'Consignment'), ('net3', 'Net 3'), ('net7', 'Net 7'), ('net10', 'Net 10'), ('net14', 'Net 14'), ('net15', 'Net 15'), ('net20', 'Net 20'), ('net30', 'Net 30'), ('net60', 'Net 60'), ('net90', 'Net 90'), ('prepay', 'Pre-Payment')], max_length=10)),
                ('payment_due_on', models.DateField(blank=True, null=True, verbose_name='payment due')),
                ('classification', models.CharField(blank=True, max_length=100)),
                ('notes_for_buyer', models.TextField(blank=True)),
                ('internal_notes', models.TextField(blank=True)),
                ('channel', models.CharField(blank=True, max_length=200)),
                ('channel_number', models.CharField(blank=True, db_index=True, max_length=64)),
                ('ship_to', models.TextField(blank=True)),
                ('shipping', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='shipping charge')),
                ('tax_rate', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='orders.taxrate')),
                ('tax', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=14)),
                ('total', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=14)),
            ],
            options={
                'ordering': ['-placed_at', '-pk'],
                'permissions': [('export_salesorder', 'Can export sales orders'), ('work_salesorder', 'Can allocate, ship, complete and cancel sales orders')],
                'indexes': [models.Index(fields=['status', '-placed_at'], name='order_status_placed')],
            },
        ),
        migrations.CreateModel(
            name='OrderLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='orders.salesorder')),
                ('position', models.PositiveIntegerField()),
                ('item', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='order_lines', to='catalog.item')),
                ('sku', models.CharField(blank=True, max_length=255, verbose_name='SKU')),
                ('name', models.CharField(max_length=400)),
                ('quantity', models.DecimalField(decimal_places=4, help_text='Base units.', max_digits=14, verbose_name='units')),
                ('case_size', models.PositiveIntegerField(default=1)),
                ('price', models.DecimalField(decimal_places=4, help_text='Per case, or per unit when not sold in cases.', max_digits=14)),
                ('is_sample', models.BooleanField(default=False, verbose_name='sample')),
                ('is_medical', models.BooleanField(default=False, verbose_name='medical')),
                ('notes', models.CharField(blank=True, max_length=2000)),
                ('lot_number', models.CharField(blank=True, max_length=100, verbose_name='lot asked for')),
                ('waived_lot', models.CharField(blank=True, max_length=100)),
                ('channel_line', models.CharField(blank=True, max_length=64)),
                ('commitment', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='order_line', to='catalog.commitment')),
            ],
            options={
                'ordering': ['order', 'position'],
                'constraints': [models.UniqueConstraint(models.F('order'), models.F('position'), name='order_line_position_once'), models.CheckConstraint(condition=models.Q(('quantity__gt', 0)), name='order_line_quantity_positive'), models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='order_line_price'), models.CheckConstraint(condition=models.Q(('case_size__gte', 1)), name='order_line_case_size')],
            },
        ),
        migrations.CreateModel(
            name='OrderDiscount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='discounts', to='orders.salesorder')),
                ('kind', models.CharField(choices=[('order', 'Order discount'), ('line', 'Line discount'), ('credit', 'Credit')], max_length=10)),
                ('label', models.CharField(max_length=400)),
                ('percent', models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
            ],
            options={
                'ordering': ['order', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='order_discount_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='StatusChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='status_changes', to='orders.salesorder')),
                ('old', models.CharField(blank=True, choices=[('created', 'Created'), ('partially_allocated', 'Partially allocated'), ('allocated', 'Allocated'), ('shipped', 'Shipped'), ('completed', 'Completed'), ('canceled', 'Canceled')], max_length=20, verbose_name='from')),
                ('new', models.CharField(choices=[('created', 'Created'), ('partially_allocated', 'Partially allocated'), ('allocated', 'Allocated'), ('shipped', 'Shipped'), ('completed', 'Completed'), ('canceled', 'Canceled')], max_length=20, verbose_name='to')),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='when')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='why')),
            ],
            options={
                'ordering': ['-at', '-pk'],
                'indexes': [models.Index(fields=['at'], name='status_change_at')],
            },
        ),
        migrations.CreateModel(
            name='Allocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='allocations', to='orders.orderline')),
                ('stock', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='catalog.stock')),
                ('quantity', models.DecimalField(decimal_places=4, max_digits=14)),
                ('shipped', models.BooleanField(default=False)),
            ],
            options={
                'ordering': ['line', 'pk'],
                'constraints': [models.UniqueConstraint(models.F('line'), models.F('stock'), name='allocation_once_per_line_and_stock'), models.CheckConstraint(condition=models.Q(('quantity__gt', 0)), name='allocation_quantity_positive')],
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='orders.salesorder')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14, validators=[django.core.validators.MinValueValidator(Decimal('0.01'))])),
                ('method', models.CharField(choices=[('cash', 'Cash'), ('check', 'Check'), ('ach', 'ACH'), ('wire', 'Wire'), ('cashier', "Cashier's check"), ('credit', 'Credit'), ('trade', 'Trade'), ('other', 'Other')], max_length=10)),
                ('paid_on', models.DateField(verbose_name='paid')),
                ('reference', models.CharField(blank=True, help_text='Check number, transfer id and the like.', max_length=100)),
                ('token', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('recorded_at', models.DateTimeField(auto_now_add=True, verbose_name='recorded')),
                ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('voided_at', models.DateTimeField(blank=True, null=True, verbose_name='voided')),
                ('void_reason', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ['order', 'paid_on', 'pk'],
                'permissions': [('void_payment', 'Can void payments')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payment_positive')],
            },
        ),
    ]
