"""The kinds of records that calls to Metrc are about, and how they are keyed."""

SALES_ORDER = "sales order"  # key: the order's number
