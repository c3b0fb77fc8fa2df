"""A person's first look, on the demo as it is started: log in, open each list, see why an order is
held, order in LeafLink and find the order here."""

import re
import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture
def staff(well_behaved, demo):
    """Logged in, with the keyboard only."""
    page = well_behaved
    page.goto(f"{demo.admin}/login/")
    expect(page.locator("[name=username]")).to_be_visible()
    # Whether the browser's autofocus finds the field depends on when the page stops being hidden,
    # so a person may have to press Tab, or be a field too far.
    for _ in range(5):
        page.evaluate(TWO_FRAMES)
        focused = page.evaluate("document.activeElement.name || document.activeElement.tagName")
        if focused == "username":
            break
        page.keyboard.press("Tab" if focused == "BODY" else "Shift+Tab")
    expect(page.locator("[name=username]")).to_be_focused()
    page.keyboard.type("demo")
    page.keyboard.press("Tab")
    page.keyboard.type("demo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Needs attention")).to_be_visible()
    return page


def test_each_list_opens_from_the_sidebar(staff, demo):
    found = staff.locator("a").evaluate_all("all => all.map(a => a.href)")
    links = {link for link in found if re.search(r"/admin/\w+/\w+/$", link)}
    assert len(links) >= 20
    for link in links:
        staff.goto(link)
        expect(staff.locator("#changelist, #changelist-form, .results").first).to_be_attached()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_main_page_is_wider_than_the_screen(staff, demo, width, scheme):
    staff.emulate_media(color_scheme=scheme)
    staff.set_viewport_size({"width": width, "height": 844})
    pages = ("", "/leaflink/order/", "/orders/salesorder/", "/catalog/item/", "/catalog/stock/add/")
    for path in pages:
        staff.goto(f"{demo.admin}{path}")
        assert staff.evaluate("document.documentElement.scrollWidth") <= width


def test_a_held_order_says_why_and_where_it_is_cured(staff, demo):
    staff.locator("#rep_unmapped").get_by_role("link", name=re.compile("orders? wait")).click()
    expect(staff.locator("#result_list")).to_contain_text("Rep not mapped")
    staff.locator("#result_list a[href*='/change/']").first.click()
    expect(staff.get_by_role("heading", name="Held for 1 reason")).to_be_visible()
    reasons = staff.locator(".lb-reasons")
    expect(reasons).to_contain_text(re.compile(r"Rep (Jess Novak|Lena Fox) is not mapped"))
    expect(reasons.get_by_role("button", name=re.compile("^Make "))).to_be_visible()
    reasons.get_by_role("link", name="Choose a rep").click()
    expect(staff.locator("select[name=sales_rep]")).to_be_attached()


def test_an_order_placed_in_leaflink_shows_up_within_seconds(staff, demo, context):
    shop = context.new_page()
    shop.goto(demo.leaflink)
    shop.locator("input[name^=new-]").first.fill("1")
    shop.locator("select[name=rep]").select_option(label="Dana Ruiz")
    shop.get_by_role("button", name="Place order").click()
    expect(shop.locator(".flash.good")).to_contain_text("was placed")
    short_id = shop.locator("h1").inner_text().split()[1]

    row = staff.locator("#result_list tr", has_text=short_id)
    for _ in range(40):
        staff.goto(f"{demo.admin}/leaflink/order/?o=")
        if row.count() and "imported" in row.first.inner_text().lower():
            break
        time.sleep(0.25)
    expect(row.first).to_contain_text(re.compile("imported", re.IGNORECASE))

    shop.get_by_role("button", name="Cancel this order").click()
    expect(shop.locator(".flash.good")).to_contain_text("was cancelled")
    row.first.locator("a[href*='/change/']").first.click()
    staff.get_by_role("link", name=re.compile("^Open SO-")).click()
    for _ in range(40):
        staff.reload()
        if staff.get_by_text("Canceled", exact=True).count():
            break
        time.sleep(0.25)
    expect(staff.get_by_text("Canceled", exact=True).first).to_be_visible()


def test_received_stock_reaches_leaflinks_page(staff, demo, context):
    held = f"{demo.admin}/leaflink/order/?blockers__code__exact=short_of_stock"
    staff.goto(held)
    staff.locator("#result_list a[href*='/change/']").first.click()
    staff.get_by_role("link", name="Receive stock").click()
    # What is missing, and where, is filled in already; saving leads back to the order.
    expect(staff.locator("input[name=quantity]")).not_to_have_value("")
    staff.get_by_role("button", name="Save", exact=True).click()
    expect(staff.get_by_text(re.compile("on hand now"))).to_be_visible()
    expect(staff).to_have_url(re.compile("/leaflink/order/"))
    imported = staff.get_by_role("heading", name=re.compile("^Imported as SO-"))
    for _ in range(40):
        if imported.count():
            break
        time.sleep(0.25)
        staff.reload()
    expect(imported).to_be_visible()
