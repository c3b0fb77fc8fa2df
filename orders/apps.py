"""Sales orders: their lines, allocations, payments and states."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        from orders import whose  # noqa: F401  (declares its rules)
