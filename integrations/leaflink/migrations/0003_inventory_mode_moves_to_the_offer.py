"""How an item's inventory is kept is a wish of ours, so it outlives the link: from Listing to Offer.

A linked item is offered in LeafLink, so each listing gets an offer that is switched on.
"""

from django.db import migrations

AT_A_TIME = 1000


def to_offers(apps, schema_editor):
    Listing = apps.get_model("leaflink", "Listing")
    Offer = apps.get_model("leaflink", "Offer")
    offers = []
    for item_id, mode in Listing.objects.values_list("item", "mode").iterator(AT_A_TIME):
        offers.append(Offer(item_id=item_id, mode=mode, enabled=True))
        if len(offers) == AT_A_TIME:
            Offer.objects.bulk_create(offers, ignore_conflicts=True)
            offers = []
    Offer.objects.bulk_create(offers, ignore_conflicts=True)


def to_listings(apps, schema_editor):
    Listing = apps.get_model("leaflink", "Listing")
    for mode in ("managed", "inherited", "unlimited"):
        Listing.objects.filter(item__offer__mode=mode).update(mode=mode)


class Migration(migrations.Migration):
    dependencies = [("leaflink", "0002_offers_and_agreements")]
    operations = [migrations.RunPython(to_offers, to_listings)]
