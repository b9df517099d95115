"""What arrives: the data sets, and the fields of each. Light: pages, API and templates read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml.errors import NotFoundError

Kind = Literal["date", "text", "number", "flag"]


@dataclass(frozen=True)
class Field:
    """A field of a row; `length` is the longest text that it takes, in UTF-16 units, `choices` all that it may be."""

    name: str
    label: str
    required: bool
    kind: Kind
    help: str
    length: int = 0
    minimum: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A kind of data with its fields. `key` names those that tell one record from another; sales have none:
    there, equal rows of one file are true duplicates, see `ml.etl.keys`."""

    name: str
    label: str
    help: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()

    @property
    def by_name(self) -> dict[str, Field]:
        """The fields by their names."""
        return {field.name: field for field in self.fields}


REGION = Field("region", "Region", False, "text", "The widest place, such as a region or country.", 120)
TERRITORY = Field("territory", "Territory", False, "text", "A part of the region, such as a state or province.", 120)
AREA = Field("area", "Area", False, "text", "The narrowest place, such as a city, branch or store.", 120)
PRODUCT = Field("product_code", "Product code", True, "text", "What identifies the product: SKU, article number.", 80)
CUSTOMER = Field("customer_code", "Customer code", True, "text", "What identifies the customer.", 80)
CATEGORY = Field("category", "Category", False, "text", "The product's group.", 120)
ORDER = Field("order_ref", "Order", True, "text", "The number of the order.", 80)
LINE = Field("line_ref", "Line", False, "text", "The number of the line within the order.", 80)
STATUS = Field("status", "Status", False, "text", "Such as open or closed.", 40)

SALES = Dataset(
    "sales",
    "Sales",
    "One row a sale, or a day's sales of a product in a place.",
    (
        Field("sale_date", "Date", True, "date", "The day of the sale, such as the order or invoice date."),
        REGION,
        TERRITORY,
        AREA,
        PRODUCT,
        Field("product_name", "Product name", False, "text", "How the product is called.", 250),
        CATEGORY,
        Field("subcategory", "Sub-category", False, "text", "The product's group within its category.", 120),
        Field("customer_code", "Customer code", False, "text", "What identifies the customer.", 80),
        Field("customer_name", "Customer name", False, "text", "How the customer is called.", 250),
        Field("order_ref", "Order", False, "text", "The number of the order or invoice.", 80),
        Field("channel", "Channel", False, "text", "How it was sold: shop, web, segment.", 80),
        Field("sales_amount", "Sales amount", True, "number", "The value of the row; returns are negative."),
        Field("sales_qty", "Quantity", False, "number", "How many were sold; 0 where the file does not say."),
        Field(
            "line_ref",
            "Line id",
            False,
            "text",
            "The source's own number of the row: a row that comes again under it replaces the earlier one.",
            80,
        ),
    ),
)

PRODUCTS = Dataset(
    "products",
    "Products",
    "One row a product: price, cost, supplier and how it is ordered.",
    (
        PRODUCT,
        Field("name", "Name", False, "text", "How the product is called.", 250),
        CATEGORY,
        Field("subcategory", "Sub-category", False, "text", "The product's group within its category.", 120),
        Field("price", "Price", False, "number", "The list price of a unit.", minimum=0),
        Field("cost", "Cost", False, "number", "What a unit costs.", minimum=0),
        Field("lead_time_days", "Lead time", False, "number", "Days from order to delivery.", minimum=0),
        Field("supplier", "Supplier", False, "text", "Who delivers it.", 120),
        Field("pack_size", "Pack size", False, "number", "Units that are ordered together.", minimum=0),
    ),
    ("product_code",),
)

CUSTOMERS = Dataset(
    "customers",
    "Customers",
    "One row a customer.",
    (
        CUSTOMER,
        Field("name", "Name", False, "text", "How the customer is called.", 250),
        Field("segment", "Segment", False, "text", "The customer's group.", 120),
        REGION,
        TERRITORY,
        AREA,
        Field("payment_terms_days", "Payment terms", False, "number", "Days from invoice to due date.", minimum=0),
        Field("credit_limit", "Credit limit", False, "number", "The most that the customer may owe.", minimum=0),
    ),
    ("customer_code",),
)

EVENTS = Dataset(
    "events",
    "Events",
    "Promotions, holidays, price plans and others, each from a day to a day, in a place or everywhere.",
    (
        Field(
            "kind",
            "Kind",
            True,
            "text",
            "One of promotion, holiday, price and other.",
            16,
            choices=("promotion", "holiday", "price", "other"),
        ),
        Field("name", "Name", False, "text", "What it is called.", 120),
        Field("starts_on", "First day", True, "date", "The day that it begins."),
        Field("ends_on", "Last day", False, "date", "The day that it ends; the first day where it is left out."),
        REGION,
        TERRITORY,
        AREA,
        CATEGORY,
        Field("product_code", "Product code", False, "text", "The product that it concerns; all where left out.", 80),
        Field("value", "Value", False, "number", "A promotion's discount (0.2 is 20 % off), a price plan's price."),
    ),
    ("kind", "name", "starts_on", "region", "territory", "area", "category", "product_code"),
)

REGRESSORS = Dataset(
    "regressors",
    "External figures",
    "One row a day (and region) of weather, prices, indices or other figures that move sales.",
    (
        Field("name", "Name", True, "text", "Which figure it is, such as temperature.", 120),
        Field("day", "Day", True, "date", "The day that the figure is of."),
        REGION,
        Field("value", "Value", True, "number", "The figure."),
    ),
    ("name", "day", "region"),
)

SUPPLIERS = Dataset(
    "suppliers",
    "Suppliers",
    "One row a supplier: when it takes orders and delivers, and on which terms.",
    (
        Field("supplier", "Supplier", True, "text", "The supplier's name, as products and orders give it.", 120),
        Field(
            "order_days",
            "Order days",
            False,
            "text",
            "The weekdays on which it takes orders: Mon Tue Thu, or a digit per weekday such as 1101000.",
            40,
        ),
        Field("delivery_days", "Delivery days", False, "text", "The weekdays on which it delivers, the same way.", 40),
        Field("closed_days", "Closed days", False, "text", "Days closed for both: 2026-12-24, 2026-12-25.", 500),
        Field("lead_time_days", "Lead time", False, "number", "Days from order to delivery, as agreed.", minimum=0),
        Field("minimum_order", "Minimum order", False, "number", "The least value of an order.", minimum=0),
        Field(
            "free_freight_from",
            "Free freight from",
            False,
            "number",
            "The value of an order from which freight is free.",
            minimum=0,
        ),
    ),
    ("supplier",),
)

SUPPLIER_PRODUCTS = Dataset(
    "supplier_products",
    "Supplier terms",
    "One row a product of a supplier: price, packs, least quantity, lead time and how long it keeps.",
    (
        Field("supplier", "Supplier", True, "text", "The supplier's name, as products and orders give it.", 120),
        PRODUCT,
        Field("unit_cost", "Unit cost", False, "number", "What the supplier asks for a unit.", minimum=0),
        Field("pack_size", "Pack size", False, "number", "Units that are ordered together.", minimum=0),
        Field("minimum_qty", "Minimum quantity", False, "number", "The fewest units of an order.", minimum=0),
        Field("lead_time_days", "Lead time", False, "number", "Days from order to delivery, as agreed.", minimum=0),
        Field("shelf_life_days", "Shelf life", False, "number", "Days that it keeps after delivery.", minimum=0),
    ),
    ("supplier", "product_code"),
)

PLACES = Dataset(
    "places",
    "Places",
    "One row a place that keeps stock: who supplies it, such as a warehouse its areas.",
    (
        Field("place", "Place", True, "text", "An area or a warehouse, as stock levels name it.", 120),
        Field("supplied_by", "Supplied by", False, "text", "The place that it gets stock from; else suppliers.", 120),
        Field("transfer_days", "Transfer days", False, "number", "Days from there to here.", minimum=0),
        REGION,
        TERRITORY,
    ),
    ("place",),
)

STOCK = Dataset(
    "stock",
    "Stock levels",
    "One row a product, area and day: what was on hand at its end.",
    (
        Field("day", "Day", True, "date", "The day of the count."),
        AREA,
        PRODUCT,
        Field("on_hand", "On hand", True, "number", "Units on hand."),
        Field("reserved", "Reserved", False, "number", "Units promised to customers."),
    ),
    ("area", "product_code", "day"),
)

PURCHASE_ORDERS = Dataset(
    "purchase_orders",
    "Purchase orders",
    "One row a line of an order to a supplier.",
    (
        ORDER,
        LINE,
        Field("supplier", "Supplier", False, "text", "Who delivers.", 120),
        AREA,
        PRODUCT,
        Field("ordered_on", "Ordered on", True, "date", "The day of the order."),
        Field("expected_on", "Expected on", False, "date", "The day that delivery is expected."),
        Field("received_on", "Received on", False, "date", "The day that it arrived."),
        Field("qty_ordered", "Quantity ordered", True, "number", "Units ordered."),
        Field("qty_received", "Quantity received", False, "number", "Units that arrived."),
        Field("unit_cost", "Unit cost", False, "number", "What a unit costs."),
        STATUS,
    ),
    ("order_ref", "line_ref", "product_code"),
)

JOB_ORDERS = Dataset(
    "job_orders",
    "Job orders",
    "One row a product that a production or service order consumes.",
    (
        ORDER,
        LINE,
        AREA,
        PRODUCT,
        Field("needed_on", "Needed on", True, "date", "The day that it is, or was, consumed."),
        Field("qty", "Quantity", True, "number", "Units consumed."),
        STATUS,
    ),
    ("order_ref", "line_ref", "product_code"),
)

INVOICES = Dataset(
    "invoices",
    "Invoices",
    "One row an invoice, with the day of its payment where it is paid.",
    (
        Field("invoice_ref", "Invoice", True, "text", "The number of the invoice.", 80),
        CUSTOMER,
        Field("customer_name", "Customer name", False, "text", "How the customer is called.", 250),
        Field("issued_on", "Issued on", True, "date", "The day of the invoice."),
        Field("due_on", "Due on", False, "date", "The day that it is to be paid."),
        Field(
            "terms_days",
            "Terms",
            False,
            "number",
            "Days from issue to due date, where no due date is given.",
            minimum=0,
        ),
        Field("amount", "Amount", True, "number", "What is owed; credit notes are negative."),
        Field("currency", "Currency", False, "text", "Such as EUR.", 8),
        REGION,
        CATEGORY,
        Field("disputed", "Disputed", False, "flag", "Whether the customer disputes it."),
        Field("disputed_on", "Disputed on", False, "date", "The day since which it is disputed."),
        Field("paperless", "Paperless", False, "flag", "Whether it was sent electronically."),
        Field("settled_on", "Settled on", False, "date", "The day that it was paid in full; makes a payment."),
    ),
    ("invoice_ref",),
)

PAYMENTS = Dataset(
    "payments",
    "Payments",
    "One row a payment; several may share an invoice.",
    (
        Field("payment_ref", "Payment", False, "text", "The number of the payment.", 80),
        Field("invoice_ref", "Invoice", True, "text", "The number of the invoice that it pays.", 80),
        Field("paid_on", "Paid on", True, "date", "The day that the money came."),
        Field("amount", "Amount", True, "number", "How much came; money paid back is negative."),
    ),
    ("payment_ref", "invoice_ref", "paid_on"),
)

CASH_ITEMS = Dataset(
    "cash_items",
    "Planned cash",
    "One row a planned payment or receipt beside customers' invoices: payables, wages, taxes, loans.",
    (
        Field(
            "item_ref", "Item", True, "text", "What identifies it, such as the number of the supplier's invoice.", 80
        ),
        Field("day", "Day", True, "date", "The day that the money moves."),
        Field("amount", "Amount", True, "number", "How much; what is paid out is negative."),
        Field("kind", "Kind", False, "text", "Such as payable, wages, tax or loan.", 40),
        Field("name", "Name", False, "text", "What it is for, or who is paid.", 250),
        Field("currency", "Currency", False, "text", "Such as EUR.", 8),
        REGION,
    ),
    ("item_ref",),
)

DATASETS = {
    dataset.name: dataset
    for dataset in (
        SALES,
        PRODUCTS,
        CUSTOMERS,
        EVENTS,
        REGRESSORS,
        SUPPLIERS,
        SUPPLIER_PRODUCTS,
        PLACES,
        STOCK,
        PURCHASE_ORDERS,
        JOB_ORDERS,
        INVOICES,
        PAYMENTS,
        CASH_ITEMS,
    )
}


def get_dataset(name: str) -> Dataset:
    """The data set of that name; raises NotFoundError for an unknown one."""
    if name not in DATASETS:
        raise NotFoundError(f"there is no data set {name!r}; expected one of {', '.join(DATASETS)}.")
    return DATASETS[name]
