"""manage.py demo --unlinked: a practice world in which everything is still to be linked."""

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Item
from config.management.commands.demo import WORKBENCH
from integrations.leaflink.models import Account, Listing, Product


@pytest.fixture
def once(transactional_db, settings, tmp_path, capsys):
    settings.DATA_DIR = tmp_path

    def run(**options):
        call_command("demo", once=True, **options)
        return capsys.readouterr().out

    return run


def test_nothing_is_linked_and_a_second_run_changes_nothing(once):
    for _ in range(2):
        text = once(unlinked=True)
        assert "0 items linked · 0 quantities sent · 0 orders seen · 0 imported · 0 held" in text
        assert "Start it for good with: uv run manage.py demo --unlinked" in text
        assert f"open http://127.0.0.1:8000{WORKBENCH} to link products" in text
        assert not Listing.objects.exists()
        assert set(Account.objects.values_list("link_exact_skus", flat=True)) == {False}
    # 2 of 40 are missing there, 3 are of LeafLink only; 5 have another SKU.
    assert Product.objects.count() == 40 - 2 + 3
    theirs = set(Product.objects.values_list("sku", flat=True))
    assert Item.objects.filter(sku__in=theirs).count() == 40 - 2 - 5


def test_orders_and_unlinked_do_not_go_together(once):
    with pytest.raises(CommandError, match="leave out either --orders or --unlinked"):
        once(unlinked=True, orders=5)
    assert not Account.objects.exists()
    assert "0 orders seen" in once(unlinked=True, orders=0, items=10)


def test_practice_data_that_is_linked_already_stays_as_it_is(once):
    once(items=10, orders=0)
    linked = Listing.objects.count()
    with pytest.raises(CommandError, match="is linked already"):
        once(unlinked=True, items=10)
    assert Listing.objects.count() == linked == 10
