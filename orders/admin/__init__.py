"""Admin pages of sales orders and tax rates."""

from orders.admin.sales_orders import SalesOrderAdmin
from orders.admin.tax_rates import TaxRateAdmin

__all__ = ["SalesOrderAdmin", "TaxRateAdmin"]
