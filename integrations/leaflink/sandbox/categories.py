"""LeafLink's product categories. There their ids differ per environment; here they are these."""

CATEGORIES = {
    1: "Flower",
    2: "Pre-Rolls",
    3: "Cartridges",
    4: "Concentrates",
    7: "Edibles",
    9: "Accessories",
}
# Sub category: its name, and the category it belongs to.
SUBCATEGORIES = {
    10: ("Packaged Flower", 1),
    11: ("Single Pre-Rolls", 2),
    12: ("Vape Cartridges", 3),
    13: ("Rosin", 4),
    14: ("Gummies", 7),
    15: ("Chocolates", 7),
    16: ("Bulk Flower", 1),
    17: ("Pre-Roll Packs", 2),
    18: ("Gift Sets", 9),
}
