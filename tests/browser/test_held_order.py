"""An order that is held for three reasons: each is cured on its own page, and it comes in."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import log_in, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    """A demo in which nothing is linked, so that any order is strange to it."""
    options = ("--unlinked", "--items", "20", "--orders", "0")
    with running(tmp_path_factory, "strange", *options) as started:
        yield started


@pytest.fixture
def staff(well_behaved, strange):
    return log_in(well_behaved, strange)


def ask_who_customers_are(page, admin):
    page.goto(f"{admin}/leaflink/account/")
    page.locator("#result_list a[href*='/change/']").first.click()
    page.get_by_role("link", name="Rules", exact=True).click()
    page.locator("select[name=customer_rule]").select_option("hold")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(re.compile("A new customer: Hold the order"))).to_be_visible()


def order_in_leaflink(context, leaflink):
    shop = context.new_page()
    shop.goto(leaflink)
    shop.locator("input[name^=new-]").first.fill("1")
    shop.locator("select[name=rep]").select_option(label="Jess Novak")
    shop.get_by_role("button", name="Place order").click()
    expect(shop.locator(".flash.good")).to_contain_text("was placed")
    short_id = shop.locator("h1").inner_text().split()[1]
    shop.close()
    return short_id


def test_three_reasons_are_cured_on_the_orders_page_and_it_comes_in_by_itself(
    staff, strange, context
):
    ask_who_customers_are(staff, strange.admin)
    short_id = order_in_leaflink(context, strange.leaflink)
    row = staff.locator("#result_list tr", has_text=short_id)
    for _ in range(60):
        staff.goto(f"{strange.admin}/leaflink/order/?q={short_id}")
        if row.count() and "held" in row.first.inner_text().lower():
            break
        staff.wait_for_timeout(250)
    for reason in ("Customer unknown", "Product not linked", "Rep not mapped"):
        expect(row.first).to_contain_text(reason)
    row.first.locator("a[href*='/change/']").first.click()
    expect(staff.get_by_role("heading", name="Held for 3 reasons")).to_be_visible()
    for width, scheme in ((1440, "light"), (390, "dark")):
        staff.emulate_media(color_scheme=scheme)
        staff.set_viewport_size({"width": width, "height": 844})
        assert staff.evaluate("document.documentElement.scrollWidth") <= width
    staff.set_viewport_size({"width": 1440, "height": 900})

    # The first two with the keyboard only.
    staff.get_by_role("button", name="Create a destination").focus()
    staff.keyboard.press("Enter")
    expect(staff.get_by_role("heading", name="Held for 2 reasons")).to_be_visible()
    staff.get_by_role("button", name="Make Jess Novak a sales rep").focus()
    staff.keyboard.press("Enter")
    expect(staff.locator(".lb-reasons")).to_contain_text("is not linked")
    # The last one is cured on another page. Nobody reloads: this one says that it has come in.
    other = context.new_page()
    other.goto(staff.url)
    other.get_by_role("button", name=re.compile("^Link to ")).first.click()
    expect(other.get_by_role("heading", name=re.compile("^Imported as SO-"))).to_be_visible()
    other.close()
    news = staff.locator(".lb-good")
    expect(news).to_contain_text("it is imported now", timeout=30_000)
    news.get_by_role("link", name="Show it").click()
    expect(staff.get_by_role("heading", name=re.compile("^Imported as SO-"))).to_be_visible()
    staff.get_by_text("Timeline").first.click()
    expect(staff.locator("#timeline")).to_contain_text("is the destination")
    staff.get_by_role("link", name=re.compile("^Open SO-")).click()
    expect(staff.get_by_text(re.compile("Where it ships from"))).to_be_visible()
    staff.get_by_role("link", name="LeafLink's own words").click()
    expect(staff.locator("#payload")).to_be_visible()
