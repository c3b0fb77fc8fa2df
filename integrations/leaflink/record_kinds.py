"""The kinds of records that calls and failures are about, and how they are keyed."""

ORDER = "order"  # key: the order's number
PRODUCT = "product"  # key: LeafLink's id of the product
NEW_PRODUCT = "new product"  # key: the SKU of an item whose product is being made
ITEM = "item"  # key: our id of the item
CUSTOMER = "customer"  # key: LeafLink's id of the customer
STAFF = "staff member"  # key: LeafLink's id of the staff member
