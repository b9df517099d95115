"""The invented names of the demo company: places, products, and words that customers' names are made of."""

from __future__ import annotations

PLACES: dict[str, dict[str, tuple[str, ...]]] = {
    "North": {
        "Ferrin Coast": ("Aldermouth", "Carrowby", "Skerrin", "Whitcove"),
        "Halden Lakes": ("Dunmere", "Lakeford", "Tarnwick"),
        "Upper Brask": ("Braskholm", "Highfell", "Stonebeck"),
    },
    "East": {
        "Marrow Plain": ("Eastbarrow", "Grainley", "Millhaven", "Wendover Cross"),
        "Sallow Fens": ("Fenbridge", "Reedham Quay", "Saltmarsh"),
        "Tidewater": ("Harbour Point", "Kelsea", "Netherport"),
    },
    "South": {
        "Amber Valley": ("Ambleton", "Oakhurst", "Orchard Hill", "Vineford"),
        "Corran Bay": ("Bayview", "Corranmouth", "Sandleigh"),
        "Southdowns": ("Chalkwell", "Downsend", "Greenacre"),
    },
    "West": {
        "Iron Hills": ("Coalbrook", "Forgeton", "Ironbridge Way", "Slateford"),
        "Merrow Vale": ("Merrowgate", "Riverside", "Valeside"),
        "Westreach": ("Cliffend", "Longstrand", "Westpoint"),
    },
}
"""Areas by territory by region: 4 regions, 12 territories, 40 areas."""

CATALOGUE: dict[str, dict[str, tuple[tuple[str, float], ...]]] = {
    "Beverages": {
        "Water & Soft Drinks": (
            ("Spring Water 6 x 1.5 l", 3.2),
            ("Lemonade 12 x 0.5 l", 8.4),
            ("Cola 24 x 0.33 l", 13.9),
        ),
        "Juices": (("Orange Juice 6 x 1 l", 10.8), ("Apple Juice 6 x 1 l", 8.9)),
        "Coffee & Tea": (("Ground Coffee 1 kg", 12.5), ("Black Tea 100 bags", 4.6), ("Herbal Tea 50 bags", 3.9)),
    },
    "Confectionery": {
        "Chocolate": (
            ("Milk Chocolate 20 x 100 g", 18.6),
            ("Dark Chocolate 20 x 100 g", 20.4),
            ("Praline Box 400 g", 9.8),
        ),
        "Biscuits": (("Butter Biscuits 12 x 200 g", 15.6), ("Oat Cookies 12 x 150 g", 14.2)),
        "Sweets": (("Fruit Gums 1 kg", 6.3), ("Liquorice Mix 1 kg", 7.1), ("Peppermints 24 x 50 g", 11.9)),
    },
    "Pantry": {
        "Grains & Pasta": (("Wheat Flour 10 kg", 7.9), ("Long Grain Rice 5 kg", 9.6), ("Spaghetti 12 x 500 g", 11.4)),
        "Canned Food": (("Peeled Tomatoes 12 x 400 g", 9.9), ("Red Beans 12 x 400 g", 9.2), ("Tuna 24 x 160 g", 31.5)),
        "Oils & Sauces": (("Sunflower Oil 5 l", 11.7), ("Tomato Ketchup 6 x 1 l", 12.8)),
    },
    "Home Care": {
        "Cleaners": (("All-Purpose Cleaner 5 l", 9.4), ("Glass Cleaner 6 x 1 l", 10.2), ("Descaler 6 x 1 l", 12.1)),
        "Laundry": (("Washing Powder 10 kg", 21.8), ("Fabric Softener 5 l", 8.8)),
        "Paper": (("Kitchen Rolls 24 pcs", 14.9), ("Toilet Paper 48 rolls", 18.3), ("Paper Tissues 20 boxes", 16.7)),
    },
    "Personal Care": {
        "Hair & Body": (("Shampoo 12 x 300 ml", 23.5), ("Shower Gel 12 x 250 ml", 19.9), ("Hand Soap 5 l", 11.3)),
        "Oral Care": (("Toothpaste 24 x 75 ml", 26.4), ("Toothbrushes 24 pcs", 21.6)),
        "Sun & Skin": (("Sun Lotion 12 x 200 ml", 58.0), ("Hand Cream 24 x 75 ml", 33.6), ("Lip Balm 48 pcs", 38.4)),
    },
    "Garden": {
        "Plant Care": (("Potting Soil 40 l", 6.9), ("Lawn Fertiliser 10 kg", 17.8), ("Lawn Seed 5 kg", 24.9)),
        "Outdoor": (("Barbecue Charcoal 10 kg", 11.2), ("Garden Hose 25 m", 22.5)),
        "Tools": (("Hand Shears", 12.4), ("Watering Can 10 l", 8.7)),
    },
    "Winter Goods": {
        "Heating": (("Wood Pellets 15 kg", 6.4), ("Fire Logs 10 kg", 7.8)),
        "Road & Car": (("Road Salt 25 kg", 8.3), ("Screen Wash 5 l", 7.2)),
        "Warmth": (("Work Gloves 12 pairs", 19.8), ("Fleece Blanket", 11.6)),
    },
    "Stationery": {
        "Paper & Files": (
            ("Copy Paper 5 x 500 sheets", 22.9),
            ("Lever Arch Files 10 pcs", 19.4),
            ("Notebooks 10 pcs", 13.5),
        ),
        "Writing": (("Ballpoint Pens 50 pcs", 12.6), ("Highlighters 10 pcs", 7.4)),
        "Packing": (("Packing Tape 36 rolls", 27.3), ("Shipping Boxes 25 pcs", 21.7)),
    },
}
"""Products with their first list price, by subcategory by category: 60 in 8 categories."""

CHANNELS = ("Retail", "Wholesale", "Online")

CUSTOMER_FIRST = (
    "Anchor", "Barley", "Beacon", "Birchwood", "Bluebell", "Bridgeway", "Cedar", "Cloverfield", "Copperline",
    "Cornerstone", "Crossroads", "Eastgate", "Evergreen", "Fairfield", "Foxglove", "Goldcrest", "Granary",
    "Greenline", "Hearthside", "Hilltop", "Juniper", "Lantern", "Larchwood", "Lighthouse", "Maple", "Meadow",
    "Mosaic", "Northstar", "Orchard", "Parkside", "Pebble", "Quayside", "Redbrick", "Ridgeway", "Rowan", "Silverbirch",
    "Sunrise", "Thistle", "Waterside", "Windmill",
)  # fmt: skip
CUSTOMER_LAST: dict[str, tuple[str, ...]] = {
    "Retail": ("Market", "Stores", "Corner Shop", "Foods", "Grocers"),
    "Wholesale": ("Cash & Carry", "Supplies", "Catering"),
    "Online": ("Direct", "Delivered", "Webshop"),
}
"""What a customer's name ends with, by the channel through which it buys."""

SUPPLIERS = (
    "Brightwater Bottling", "Cocoa & Crumb", "Millstone Pantry", "Clearview Household", "Fernleaf Care",
    "Greenbed Garden", "Frostline Winter", "Inkwell Office", "Harvest Row", "Northquay Trading",
)  # fmt: skip
"""Who delivers to the company."""
