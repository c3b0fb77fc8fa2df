"""A new operator goes from an empty system to live, and then has a bad morning."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.empty_system import LOGIN, PASSWORD, EmptySystem

pytestmark = pytest.mark.browser
SELLER, KEY = "Cinder Peak Cannabis", "demo-app-key-cinder-peak"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    started = EmptySystem(tmp_path_factory.mktemp("empty"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


class Operator:
    """Somebody with a mouse, whose clicks are counted."""

    def __init__(self, page):
        self.page, self.clicks = page, 0

    def click(self, what):
        self.clicks += 1
        what.click()

    def press(self, name):
        self.click(self.page.get_by_role("button", name=re.compile(name)).first)

    def follow(self, name):
        self.click(self.page.get_by_role("link", name=re.compile(name)).first)


def log_in(page, system):
    page.goto(f"{system.admin}/login/")
    page.fill("[name=username]", LOGIN)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Needs attention")).to_be_visible()


def until(page, system, what, seconds=60):
    """Look at what needs attention again and again, until it says so."""
    for _ in range(seconds):
        page.goto(f"{system.admin}/")
        if what.count():
            return
        time.sleep(1)
    expect(what.first).to_be_visible()


def add_webhook(operator, leaflink, system, address):
    """In LeafLink: add the webhook; returns the key that signs it."""
    leaflink.page.goto(f"{system.leaflink}/developer-options")
    leaflink.page.fill("[name=url]", address)
    leaflink.page.locator("[name=seller]").select_option(label=SELLER)
    leaflink.press("Add Webhook")
    told = leaflink.page.locator(".flash.good").inner_text()
    return told.rpartition(": ")[2].strip()


def order(leaflink, system, rep):
    """In LeafLink: order something as a retailer, with this sales rep."""
    page = leaflink.page
    page.goto(f"{system.leaflink}/")
    page.locator("input[name^=new-]").first.fill("1")
    page.locator("select[name=rep]").select_option(label=rep)
    page.get_by_role("button", name="Place order").click()
    expect(page.locator(".flash.good")).to_contain_text("was placed")


def test_a_new_operator_goes_live_in_under_forty_clicks(well_behaved, context, system):
    page = well_behaved
    operator, leaflink = Operator(page), Operator(context.new_page())
    log_in(page, system)
    operator.follow("Set up your LeafLink account")

    operator.click(page.get_by_label(re.compile("Practice")))
    page.fill("[name=stand_in_url]", system.leaflink)
    page.fill("[name=app_key]", KEY)
    operator.press("Test connection")
    expect(page.get_by_text(f"Connected to {SELLER}").first).to_be_visible()

    address = page.locator("#lb-address").input_value()
    page.fill("[name=webhook_key]", add_webhook(operator, leaflink, system, address))
    operator.press("Save key")
    leaflink.page.goto(f"{system.leaflink}/products/")
    leaflink.click(leaflink.page.locator("table a").first)
    leaflink.page.locator("[name=description]").fill("New words")
    leaflink.press("Save")
    expect(page.get_by_text("The first signed webhook has come")).to_be_visible(timeout=30_000)
    page.reload()
    operator.follow("^Go on$")

    expect(page.get_by_role("button", name="Save and go on")).to_be_visible(timeout=60_000)
    page.fill("[name=new_facility]", "Denver Warehouse")
    page.fill("[name=new_license]", "402R-00001")
    operator.press("Save and go on")

    # One of them is nobody's for now.
    somebody = page.locator("select[name^=rep-]").last
    system.rep = somebody.get_attribute("aria-label").removeprefix("Sales rep of ")
    somebody.select_option(label="Leave unmapped")
    operator.press("Map those chosen")

    operator.follow("Make items from LeafLink's products")
    operator.press("Make the ticked ones")
    operator.press("^Go on$")

    operator.click(page.get_by_label(re.compile("Flourish style")).first)
    operator.press("Use these rules and go on")

    expect(page.get_by_role("heading", name=re.compile("^Stock: "))).to_be_visible()
    expect(page.locator("#lb-import")).to_be_visible(timeout=30_000)
    operator.press("I have seen it")

    if page.locator("[name=zero]").count():
        operator.click(page.locator("[name=zero][value=yes]"))
    operator.press("^Go live$")
    expect(page.get_by_text("You're live")).to_be_visible(timeout=90_000)
    operator.follow("To the overview")
    assert operator.clicks + leaflink.clicks < 40


def test_a_bad_morning_ends_with_nothing_left_to_do(page, context, system):
    leaflink = Operator(context.new_page())
    log_in(page, system)
    nothing = page.get_by_role("heading", name="Nothing waits for you")

    # A rep whom nobody knows here.
    order(leaflink, system, system.rep)
    make = page.get_by_role("button", name=f"Make {system.rep} a sales rep")
    until(page, system, make)
    make.click()

    # A product that was made anew in LeafLink.
    leaflink.page.goto(f"{system.leaflink}/products/")
    leaflink.click(leaflink.page.locator("table a").first)
    leaflink.press("anew")
    anew = page.get_by_role("button", name="Link to the new one")
    until(page, system, anew)
    anew.first.click()

    # The key is revoked.
    leaflink.page.goto(f"{system.leaflink}/applications")
    leaflink.click(leaflink.page.get_by_role("button", name=f"Revoke the key of {SELLER}"))
    assert system.run("sync", "--only", "orders") == 1
    bad_key = page.get_by_role("link", name="Paste the key anew")
    until(page, system, bad_key)
    leaflink.page.locator("[name=seller]").select_option(label=SELLER)
    leaflink.press("Make an App key")
    key = leaflink.page.locator(".flash.good").inner_text().rpartition(": ")[2].strip()
    bad_key.click()
    page.fill("[name=app_key]", key)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text(f"Connected to {SELLER}").first).to_be_visible()

    # LeafLink is away for an hour.
    system.stop_leaflink()
    system.let_an_hour_pass()
    assert system.run("sync", "--only", "orders") == 1
    until(page, system, page.get_by_text(re.compile("orders can't be read since")))
    system.start_leaflink()
    assert system.run("sync") == 0

    until(page, system, nothing)
    expect(page.get_by_text("What runs by itself")).to_be_visible()
