"""Stock received here is on LeafLink's page within seconds, and the page that says why adds up; a
pause with a reason; many products that would sell out at once wait for a yes."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import log_in, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shop_floor(tmp_path_factory):
    """A demo with goods and without orders."""
    with running(tmp_path_factory, "stock", "--items", "20", "--orders", "0") as started:
        yield started


@pytest.fixture
def staff(well_behaved, shop_floor):
    return log_in(well_behaved, shop_floor)


def number(text):
    return int(text.replace(",", "").replace("−", "-"))


def offered(shop, address, expected):
    """Reload LeafLink's page of a product until it offers that; how long that took."""
    began = time.monotonic()
    available = shop.locator("#available")
    for _ in range(80):
        shop.goto(address)
        if number(available.inner_text()) == expected:
            break
        shop.wait_for_timeout(100)
    assert number(available.inner_text()) == expected
    return time.monotonic() - began


def open_why(page, demo):
    """The page that explains the number of the first linked product."""
    page.goto(f"{demo.admin}/leaflink/listing/")
    product = page.locator("#result_list a[href*='/products/']").first
    address = product.get_attribute("href")
    page.get_by_role("link", name=re.compile("^Why this number")).first.click()
    expect(page.get_by_role("heading", name=re.compile("^Why LeafLink offers"))).to_be_visible()
    return address


def sum_of(page):
    """The numbers of the sum, from the top."""
    cells = page.locator("section[aria-labelledby=lb-sum] td").all_inner_texts()
    return [number(text) for text in cells]


def test_received_stock_is_in_leaflink_and_why_adds_up(staff, shop_floor, context):
    address = open_why(staff, shop_floor)
    here = staff.url
    shop = context.new_page()
    shop.goto(address)
    before = number(shop.locator("#available").inner_text())

    item = staff.get_by_role("link", name="this item").get_attribute("href")
    item_id = re.search(r"/catalog/item/(\d+)/", item).group(1)
    staff.goto(f"{shop_floor.admin}/catalog/stock/add/?item={item_id}&facility=1")
    # With the keyboard: the quantity, and Enter.
    staff.locator("input[name=quantity]").focus()
    staff.keyboard.type("25")
    staff.keyboard.press("Enter")
    expect(staff.get_by_text(re.compile("on hand now"))).to_be_visible()
    took = offered(shop, address, before + 25)
    assert took < 10

    staff.goto(here)
    on_hand, committed, kept, sellable, held, quantity = sum_of(staff)
    assert on_hand - committed - kept == sellable == before + 25
    assert sellable + held == quantity
    rows = staff.locator("section[aria-labelledby=lb-shelves] tbody tr td:nth-child(3)")
    assert sum(map(number, rows.all_inner_texts())) == on_hand
    expect(staff.locator("section[aria-labelledby=lb-there]")).to_contain_text(
        "LeafLink has it already."
    )


def test_a_pause_keeps_leaflinks_number_until_it_is_resumed(staff, shop_floor, context):
    address = open_why(staff, shop_floor)
    shop = context.new_page()
    staff.locator("summary", has_text="Pause this product").focus()
    staff.keyboard.press("Enter")
    staff.get_by_label("LeafLink offers none").check()
    staff.get_by_label("Reason").fill("Recount")
    staff.keyboard.press("Enter")
    expect(staff.get_by_role("alert")).to_contain_text("Recount")
    offered(shop, address, 0)
    staff.reload()
    can_be_sold = sum_of(staff)[3]
    staff.get_by_role("button", name="Send its quantity again").click()
    offered(shop, address, can_be_sold)


def test_a_shop_that_would_be_emptied_waits_for_a_yes(staff, shop_floor, context):
    page = staff
    for facility in (1, 2, 3):
        page.goto(f"{shop_floor.admin}/catalog/facility/{facility}/change/")
        page.locator("input[name=sells]").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text(re.compile("was changed successfully"))).to_be_visible()
    waits = page.get_by_role("link", name="Look at them")
    for _ in range(60):
        page.goto(f"{shop_floor.admin}/")
        if waits.count():
            break
        page.wait_for_timeout(500)
    waits.first.click()
    expect(page.get_by_role("heading", name=re.compile("would be sold out"))).to_be_visible()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    address = f"{shop_floor.leaflink}/products/"
    shop = context.new_page()
    shop.goto(address)
    page.get_by_role("button", name=re.compile("^Yes, all")).click()
    expect(page.get_by_text(re.compile("set to sold out in LeafLink now"))).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing waits for a yes")).to_be_visible()
