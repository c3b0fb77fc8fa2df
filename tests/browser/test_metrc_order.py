"""An allocated order goes through Metrc without a word typed there, to Completed on both sides;
then not all of it arrives."""

import re

import pytest
import requests
from playwright.sync_api import expect

from integrations.leaflink.sandbox import seed
from tests.browser.conftest import log_in, running
from tests.browser.test_whole_life import press, set_up, until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """A demo of its own: orders are completed in it."""
    with running(tmp_path_factory, "warehouse") as started:
        yield started


@pytest.fixture
def staff(well_behaved, warehouse):
    return log_in(well_behaved, warehouse)


def open_order(page, demo, facility):
    """The page of an order that ships from this facility; returns its number."""
    page.goto(f"{demo.admin}/orders/salesorder/?status__exact=allocated")
    row = page.locator("#result_list tr", has_text=facility).first
    number = row.locator("a[href*='/salesorder/']").first.inner_text()
    row.locator("a[href*='/salesorder/']").first.click()
    expect(page.locator("#lb-metrc")).to_be_visible()
    return number


def take_packages(page):
    page.get_by_role("link", name="Go on: packages").click()
    press(page, "Take all suggestions")
    expect(page.locator(".lb-way-here")).to_contain_text(re.compile(r"✓ \d of \d lines? covered"))


def send_template(page, kind):
    """Fill what Metrc would refuse, look at what is sent, send it."""
    page.get_by_role("link", name="Transfer template", exact=True).last.click()
    page.locator("select[name=transfer_type]").select_option(kind)
    page.locator("#lb-pick-driver").select_option(index=1)
    page.locator("#lb-pick-vehicle").select_option(index=1)
    page.locator("[name=planned_route]").fill("North on River Rd, dock at the rear.")
    press(page, "Save")
    preview = page.get_by_role("region", name="What Metrc will get")
    expect(preview).to_contain_text("Ken Abiodun, driver's license D7720145")
    press(page, "Send to Metrc")
    expect(page.get_by_text(re.compile("In Metrc as template"))).to_be_visible()


def register(context, demo, state, number):
    """As a licensee does in Metrc: use the template."""
    metrc = context.new_page()
    metrc.goto(f"{demo.metrc}/{state}/web/")
    metrc.get_by_role("link", name=number, exact=True).click()
    metrc.get_by_role("button", name="Register transfer").click()
    expect(metrc.get_by_role("heading", name=re.compile("^Manifest "))).to_be_visible()
    return metrc, metrc.locator("h1").inner_text().split()[1]


def until_leaflink_says(page, demo, short_id, status):
    """Ask LeafLink itself, for as long as a person would be patient."""
    key = {"Authorization": f"App {seed.APP_KEYS[0]}"}
    for _ in range(60):
        address = f"{demo.leaflink}/api/v2/orders-received/"
        rows = requests.get(address, {"limit": 100}, headers=key, timeout=10).json()["results"]
        said = next(row["status"] for row in rows if row["short_id"] == short_id)
        if said == status:
            return
        page.wait_for_timeout(250)
    assert said == status


def test_from_allocated_to_completed_on_both_sides(staff, warehouse, context):
    set_up(staff, warehouse, "distru")
    number = open_order(staff, warehouse, "Oakland Distribution")
    page_of_order = staff.url
    leaflink = staff.get_by_role("heading", name=re.compile("^LeafLink order ")).inner_text()
    short_id = re.search(r"#(\w+)", leaflink).group(1)

    take_packages(staff)
    send_template(staff, "Wholesale Manifest")
    metrc, manifest = register(context, warehouse, "ca", number)
    press(staff, "Look now")
    expect(staff.get_by_text("are being read from Metrc")).to_be_visible()
    staff.goto(page_of_order)
    until(staff, staff.locator("#lb-metrc", has_text=f"Metrc: manifest {manifest}"))
    until(staff, staff.get_by_text(f"Matched with Manifest {manifest}"))
    until(staff, staff.get_by_text("Shipped → Completed"))
    until_leaflink_says(staff, warehouse, short_id, "Complete")

    # The manifest is kept with the order, a moment after it was found.
    link = staff.get_by_role("link", name="Manifest (PDF)").evaluate("one => one.href")
    for _ in range(60):
        answer = staff.request.get(link)
        if answer.headers["content-type"] == "application/pdf":
            break
        staff.wait_for_timeout(250)
    assert answer.body().startswith(b"%PDF")

    # One package is rejected at the door, and comes back.
    metrc.reload()
    metrc.locator("input[name=reject]").first.check()
    metrc.get_by_role("button", name=re.compile("^Receive as ")).click()
    metrc.get_by_role("button", name="Take rejected packages back").click()
    staff.get_by_role("link", name="Transfer in Metrc", exact=True).click()
    press(staff, "Look in Metrc now")
    until(staff, staff.get_by_role("link", name="Receipt", exact=True))
    until(staff, staff.locator(".lb-way-wrong", has_text="Not all of it arrived"))
    staff.get_by_role("link", name="Receipt", exact=True).click()
    for width, scheme in ((1440, "light"), (390, "dark")):
        staff.emulate_media(color_scheme=scheme)
        staff.set_viewport_size({"width": width, "height": 844})
        assert staff.evaluate("document.documentElement.scrollWidth") <= width
    staff.set_viewport_size({"width": 1440, "height": 900})
    press(staff, "Decide so")
    expect(staff.locator(".lb-way-here")).to_contain_text("Received")
