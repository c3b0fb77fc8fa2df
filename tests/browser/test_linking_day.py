"""The first day: two hundred LeafLink products that nobody has linked yet, until all is in step."""

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import log_in, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def unlinked(tmp_path_factory):
    options = ("--unlinked", "--items", "200", "--orders", "0")
    with running(tmp_path_factory, "unlinked", *options) as started:
        yield started


@pytest.fixture
def staff(well_behaved, unlinked):
    return log_in(well_behaved, unlinked)


def count(page, tab):
    return int(page.locator(f"#count-{tab}").inner_text().replace(",", ""))


def until(page, done, times=120):
    """Look again until the worker has done it: after two hundred products it may have to wait for
    the minute in which LeafLink takes more requests."""
    for _ in range(times):
        if done():
            return
        page.wait_for_timeout(500)
        page.reload()
    assert done()


def remote(unlinked, **query):
    """LeafLink's products, as its API shows them to each of the demo's keys."""
    found = []
    for key in ("demo-app-key-cinder-peak", "demo-app-key-mesa-bloom"):
        answer = requests.get(
            f"{unlinked.leaflink}/api/v2/products/",
            params=query,
            headers={"Authorization": f"App {key}"},
            timeout=10,
        )
        found += answer.json()["results"]
    return found


def test_the_first_day(staff, unlinked, context, tmp_path):
    page, bench = staff, f"{unlinked.admin}/leaflink/listing/workbench/"

    # Bulk: every pair is shown before anything is linked.
    page.goto(bench)
    before = count(page, "unlinked")
    assert before >= 190
    page.get_by_role("link", name=re.compile("Link all exact SKU matches")).click()
    pairs = page.locator("input[name=pair]").count()
    assert pairs > 150
    page.locator("input[name=pair]").first.uncheck()
    page.get_by_role("button", name="Link the ticked ones").click()
    expect(page.get_by_text(f"{pairs - 1} products are linked.")).to_be_visible()
    assert count(page, "linked") == pairs - 1
    assert count(page, "unlinked") == before - pairs + 1

    # By suggestion, with the keyboard only.
    page.goto(bench)
    link_the_best_by_keyboard(page)
    assert count(page, "linked") == pairs
    expect(page.locator("[data-undo]")).to_contain_text("Linked last")
    page.keyboard.press("u")
    expect(page.get_by_text(re.compile("Unlinked again"))).to_be_visible()
    assert count(page, "linked") == pairs - 1
    link_the_best_by_keyboard(page)

    # By searching for another item.
    page.goto(f"{bench}?q=Holiday+Gift+Box+1")
    row = page.locator("[data-row]").first
    row.locator("summary").click()
    row.get_by_role("searchbox").fill("gummies")
    row.locator("[id^=found-] form[data-link] button").first.click()
    expect(page.locator(".lb-done")).to_contain_text("Holiday Gift Box 1")

    # Unlinking asks, and says what stops.
    page.goto(f"{bench}?tab=linked&q=Holiday")
    page.get_by_role("link", name="Unlink…").first.click()
    expect(page.get_by_text("Quantities are no longer sent.")).to_be_visible()
    page.get_by_role("button", name="Unlink", exact=True).click()
    expect(page.get_by_text("LeafLink was left as it is")).to_be_visible()

    # The accounts' rules: details and prices are kept here.
    for name in ("Cinder Peak Cannabis", "Mesa Bloom Extracts"):
        page.goto(f"{unlinked.admin}/leaflink/account/")
        page.get_by_role("link", name=name, exact=True).first.click()
        page.get_by_role("link", name="Rules", exact=True).click()
        page.locator("[name=push_details]").check()
        page.locator("[name=sync_prices]").check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Send product details: On.")).to_be_visible()

    create_one(page, unlinked, bench)
    change_its_price(page, unlinked, context)
    export_and_import_back(page, unlinked, tmp_path)


def link_the_best_by_keyboard(page):
    # Until its scripts have started the page is hidden, and nothing on it can have the focus.
    expect(page.locator("[data-row]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-row]").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".lb-done")).to_have_count(1)


def create_one(page, unlinked, bench):
    """An item that LeafLink doesn't have: choose what is missing, create it, see it linked."""
    names = {product["name"] for product in remote(unlinked, limit=100)}
    names |= {product["name"] for product in remote(unlinked, limit=100, offset=100)}
    page.goto(f"{bench}?tab=items")
    rows = page.locator("[data-row]")
    titles = [rows.nth(n).locator("strong").inner_text() for n in range(rows.count())]
    at = next(n for n, title in enumerate(titles) if title not in names and "Sample" not in title)
    title = titles[at]
    rows.nth(at).get_by_role("link", name="LeafLink tab").click()
    expect(page.get_by_text("Choose a category.").first).to_be_visible()
    choose(page, "category", "Edibles")
    choose(page, "subcategory", "Gummies")
    page.locator("[name=offer-0-enabled]").check()
    page.get_by_role("button", name="What would saving send?").click()
    expect(page.locator("#lb-preview")).to_contain_text("The new product")
    expect(page.locator("#lb-preview")).to_contain_text("Edibles")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("Nothing is missing: it can be created in LeafLink.")).to_be_visible()
    page.get_by_role("button", name="Create in LeafLink").click()
    linked = page.get_by_role("heading", name=f"Linked to {title}")
    until(page, lambda: linked.count() == 1)
    made = [p for p in remote(unlinked, search=title) if p["name"] == title]
    assert [p["listing_state"] for p in made] == ["Available"]


def choose(page, field, text):
    """Search LeafLink's list, and take the entry."""
    page.locator(f".field-{field} .select2-selection").first.click()
    page.locator(".select2-search__field").last.fill(text)
    page.locator(".select2-results__option", has_text=re.compile(f"^{text}$")).first.click()


def change_its_price(page, unlinked, context):
    """A price changed here is on LeafLink's page within seconds; one changed there is here."""
    item = page.url.split("#")[0].split("?")[0]
    there = page.get_by_role("heading", name="Linked to").get_by_role("link").get_attribute("href")
    page.goto(item)
    page.locator("[name=wholesale_price]").fill("7.35")
    size = int(page.locator("[name=case_size]").input_value())
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    shop = context.new_page()
    shop.goto(there)
    expected = f"${735 * size / 100:,.2f}"
    until(shop, lambda: expected in shop.locator("#price").inner_text())
    shop.locator("#edit-wholesale-price").fill(f"{8 * size}.00")
    shop.locator("#edit-wholesale-price").press("Enter")
    until(page, lambda: float(page.locator("[name=wholesale_price]").input_value()) == 8)


def export_and_import_back(page, unlinked, folder):
    """The file of linked products, taken back in, changes nothing."""
    page.goto(f"{unlinked.admin}/leaflink/listing/export/")
    with page.expect_download() as download:
        page.get_by_role("button", name="Submit").click()
    path = folder / "linked.csv"
    download.value.save_as(path)
    assert len(path.read_text(encoding="utf-8-sig").splitlines()) > 150
    page.goto(f"{unlinked.admin}/leaflink/listing/import/")
    page.locator("[name=import_file]").set_input_files(path)
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", name="Nothing would change")).to_be_visible()


def test_a_product_made_anew_in_leaflink_is_found_and_linked_again(staff, unlinked, context):
    page, bench = staff, f"{unlinked.admin}/leaflink/listing/workbench/"
    page.goto(f"{bench}?tab=linked")
    link = page.locator("[data-row] a[target=_blank]").first
    name, there = link.inner_text(), link.get_attribute("href")
    shop = context.new_page()
    shop.goto(there)
    shop.get_by_role("button", name="Make it anew").click()
    page.goto(f"{bench}?tab=look")
    again = page.get_by_role("button", name=f"Link to the new “{name}”")
    until(page, lambda: again.count() == 1)
    again.click()
    expect(page.get_by_text(re.compile("is linked to .* now"))).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_linking_is_wider_than_the_screen(staff, unlinked, width, scheme):
    page = staff
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    paths = (
        "/leaflink/listing/workbench/",
        "/leaflink/listing/workbench/?tab=linked",
        "/leaflink/listing/workbench/?tab=items",
        "/leaflink/listing/workbench/?tab=look",
        "/leaflink/listing/workbench/exact-skus/",
        "/leaflink/listing/",
        "/leaflink/listing/import/",
        "/catalog/item/1/change/#offer",
    )
    for path in paths:
        page.goto(f"{unlinked.admin}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
