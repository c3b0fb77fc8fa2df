"""The kinds of work that LeafLink's part puts into the work queue."""

ORDER_WORK = "leaflink.order"  # key: the order's number; read it again
PRODUCT_WORK = "leaflink.product"  # key: the product's id; read it again
RECONSIDER_WORK = "leaflink.reconsider"  # key: the order's number; decide again what becomes of it
STATUS_WORK = "leaflink.status"  # key: the order's number; bring LeafLink's up to ours
INVENTORY_WORK = "leaflink.inventory"  # key: "all"; read orders and look at every quantity
LISTING_WORK = "leaflink.listing"  # key: the item's id; send its quantity
DETAILS_WORK = "leaflink.details"  # key: the item's id; compare it with its product, send
CREATE_WORK = "leaflink.create"  # key: the item's id; make its product
PAYMENT_WORK = "leaflink.payment"  # key: the order's number; send its payments
BATCH_WORK = "leaflink.batch"  # key: "unread"; read the batches that orders name
CATALOG_WORK = "leaflink.catalog"  # key: "all"; read staff, customers, products and lists whole
