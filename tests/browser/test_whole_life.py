"""The whole life of an order on both presets: from LeafLink's page to Completed, and a conflict."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import log_in, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shop_floor(tmp_path_factory):
    """A demo with goods and without orders."""
    with running(tmp_path_factory, "life", "--items", "20", "--orders", "0") as started:
        yield started


@pytest.fixture
def staff(well_behaved, shop_floor):
    return log_in(well_behaved, shop_floor)


def set_up(page, demo, preset, *, terms=True):
    """Choose the preset, send payments, and say who records them."""
    page.goto(f"{demo.admin}/leaflink/account/")
    page.get_by_role("link", name="Cinder Peak Cannabis").first.click()
    page.get_by_role("link", name="Rules", exact=True).click()
    expect(page.locator("select[name=status_preset]")).to_be_visible()
    # What fills the table is a script of the page.
    page.wait_for_load_state("load")
    page.locator("select[name=status_preset]").select_option(preset)
    # The preset fills the table at once.
    created = "Accepted" if preset == "distru" else ""
    expect(page.locator("select[name=status_map_created]")).to_have_value(created)
    page.locator("input[name=push_payments]").check()
    page.locator("input[name=push_order_terms]").set_checked(terms)
    page.locator("select[name=payment_recorder]").select_option(label="Dana Ruiz")
    page.get_by_role("button", name="Save", exact=True).click()
    said = re.compile("All rules were so already|(our orders|Send payment.*): ")
    expect(page.locator("main, body").get_by_text(said).first).to_be_visible()


def order_in_leaflink(context, demo):
    shop = context.new_page()
    shop.goto(demo.leaflink)
    shop.locator("input[name^=new-]").first.fill("2")
    shop.locator("select[name=rep]").select_option(label="Dana Ruiz")
    shop.get_by_role("button", name="Place order").click()
    expect(shop.locator(".flash.good")).to_contain_text("was placed")
    return shop, shop.locator("h1").inner_text().split()[1]


def until(page, there, reload=True):
    """Reload until something is there, for as long as a person would be patient."""
    for _ in range(60):
        if there.count():
            break
        page.wait_for_timeout(250)
        if reload:
            page.reload()
    expect(there.first).to_be_visible()


def open_sales_order(page, demo, short_id):
    page.goto(f"{demo.admin}/orders/salesorder/?q={short_id}")
    until(page, page.locator("#result_list a[href*='/salesorder/']"))
    page.locator("#result_list a[href*='/salesorder/']").first.click()
    expect(page.get_by_role("button", name="Allocate stock")).to_be_visible()


def press(page, name):
    """Press a button with the keyboard only."""
    page.get_by_role("button", name=name, exact=True).focus()
    page.keyboard.press("Enter")


def status_there(shop, status):
    until(shop, shop.locator("h1 .status", has_text=re.compile(f"^{status}$")))


@pytest.mark.parametrize(
    ("preset", "at_first", "at_last"),
    [("flourish", "Submitted", "Shipped"), ("distru", "Accepted", "Complete")],
)
def test_from_leaflinks_page_to_completed(staff, shop_floor, context, preset, at_first, at_last):
    set_up(staff, shop_floor, preset)
    shop, short_id = order_in_leaflink(context, shop_floor)
    open_sales_order(staff, shop_floor, short_id)
    status_there(shop, at_first)

    staff.locator("input[name=delivery_date]").fill("2026-12-24")
    staff.locator("select[name=payment_term]").select_option("net30")
    press(staff, "Save terms")
    expect(staff.get_by_text("are saved")).to_be_visible()
    until(shop, shop.get_by_text("Payment term: Net 30"))
    expect(shop.get_by_text("Dec 24, 2026")).to_be_visible()

    # One unit by lot first, then all of it.
    staff.get_by_role("link", name="Allocate by lot").click()
    staff.locator("input.lb-units").first.fill("1")
    press(staff, "Set these aside")
    expect(staff.get_by_text("is partially allocated now")).to_be_visible()
    status_there(shop, "Accepted")
    press(staff, "Allocate stock")
    expect(staff.get_by_text("is allocated now")).to_be_visible()
    status_there(shop, "Fulfilled")
    press(staff, "Mark as shipped")
    expect(staff.get_by_text("is shipped now")).to_be_visible()
    status_there(shop, "Shipped")

    staff.locator("#payments input[name=amount]").fill("25.00")
    press(staff, "Record payment")
    expect(staff.get_by_text(re.compile(r"^\s*Recorded: \$25.00"))).to_be_visible()
    until(shop, shop.get_by_text("$25.00, check"))
    until(staff, staff.get_by_text("Noted in LeafLink."))
    press(staff, "Mark as completed")
    expect(staff.get_by_text("is completed now")).to_be_visible()
    status_there(shop, at_last)
    for width, scheme in ((1440, "light"), (390, "dark")):
        staff.emulate_media(color_scheme=scheme)
        staff.set_viewport_size({"width": width, "height": 844})
        assert staff.evaluate("document.documentElement.scrollWidth") <= width


def test_what_both_changed_is_chosen_about_on_the_page_of_conflicts(staff, shop_floor, context):
    set_up(staff, shop_floor, "flourish", terms=False)
    shop, short_id = order_in_leaflink(context, shop_floor)
    open_sales_order(staff, shop_floor, short_id)
    staff.locator("select[name=payment_term]").select_option("net7")
    press(staff, "Save terms")
    shop.locator("select[name=term]").select_option("Net 90")
    shop.get_by_role("button", name="Change term").click()
    set_up(staff, shop_floor, "flourish", terms=True)
    staff.get_by_role("link", name="Conflicts").click()
    mine = staff.locator("section", has_text=short_id)
    until(staff, mine)
    expect(mine).to_contain_text("Net 7")
    expect(mine).to_contain_text("Net 90")
    mine.get_by_role("button", name="Keep ours").focus()
    staff.keyboard.press("Enter")
    expect(staff.get_by_text(re.compile(r"^\s*Ours was kept: #"))).to_be_visible()
    until(shop, shop.get_by_text("Payment term: Net 7"))


def test_deleting_asks_what_becomes_of_it_in_leaflink(staff, shop_floor, context):
    set_up(staff, shop_floor, "flourish")
    shop, short_id = order_in_leaflink(context, shop_floor)
    open_sales_order(staff, shop_floor, short_id)
    staff.get_by_role("link", name="Delete…").click()
    staff.get_by_role("radio", name=re.compile("^Reject it in LeafLink")).focus()
    staff.keyboard.press("Space")
    staff.get_by_label("Why is it deleted?").fill("Entered twice")
    staff.keyboard.press("Enter")
    expect(staff.get_by_text("is deleted.")).to_be_visible()
    status_there(shop, "Rejected")
