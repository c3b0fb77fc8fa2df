"""axe-core finds no serious or critical violation on the pages of the day, in light and dark."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import log_in

pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/dashboard/",
    "/leaflink/order/",
    "/orders/salesorder/",
    "/leaflink/order/conflicts/",
    "/catalog/item/",
    "/catalog/stock/add/",
    "/leaflink/listing/workbench/",
    "/leaflink/drift/",
    "/leaflink/account/",
    "/leaflink/account/setup/",
    "/leaflink/staff/match/",
    "/integrations/run/",
    "/integrations/notice/",
    "/integrations/notice/mails/",
    "/two-factor/",
)
# Of each of these lists, the first record's page.
RECORDS = ("/leaflink/order/", "/orders/salesorder/", "/catalog/item/", "/integrations/run/")
OF_ACCOUNTS = ("change/", "rules/", "webhooks/")


# What is dark differs in its colours only.
COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@pytest.fixture
def page_in(browser):
    """A page in which axe may be put: our own policy lets no script from elsewhere run."""
    context = browser.new_context(bypass_csp=True, color_scheme="light")
    yield context.new_page()
    context.close()


def violations(page, *, dark=True):
    found = list(Axe().run(page).response["violations"])
    if dark:
        page.evaluate("document.documentElement.classList.add('dark')")
        found += Axe().run(page, options=COLORS).response["violations"]
    return [
        f"{page.url}: {one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def test_no_main_page_has_a_serious_violation(page_in, demo):
    page = page_in
    page.goto(f"{demo.admin}/login/")
    found = violations(page)
    log_in(page, demo)
    for path in PAGES:
        page.goto(f"{demo.admin}{path}")
        found += violations(page)
    for path in RECORDS:
        page.goto(f"{demo.admin}{path}")
        page.locator("#result_list a[href*='/change/']").first.click()
        expect(page).to_have_url(re.compile("/change/"))
        found += violations(page, dark=False)
    page.goto(f"{demo.admin}/leaflink/account/")
    page.locator("#result_list a[href*='/change/']").first.click()
    account = page.url.split("?")[0].removesuffix("change/")
    for path in OF_ACCOUNTS:
        page.goto(f"{account}{path}")
        found += violations(page)
    assert not found, "\n".join(dict.fromkeys(found))
