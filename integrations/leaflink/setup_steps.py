"""The set-up of an account: its steps, and how far it is. What can be told from facts is told from
them; only what a person has to look at is remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from integrations.leaflink import check_key
from integrations.leaflink.models import Account, Listing, Product, Staff
from integrations.models import Run


@dataclass(frozen=True)
class Step:
    key: str
    title: str
    # What is known about it in a few words; "" when there is nothing to tell.
    note: Callable[[Account], str]
    is_done: Callable[[Account], bool]


@dataclass(frozen=True)
class Standing:
    """A step of one account: "done", or "todo"; and whether it is the page one looks at."""

    step: Step
    state: str
    note: str
    url: str
    is_here: bool


def _key_is_good(account: Account) -> bool:
    found = check_key.stored(account)
    return bool(found and found.is_good)


def _company(account: Account) -> str:
    return account.company_name if _key_is_good(account) else ""


def _hook_came(account: Account) -> bool:
    return account.last_webhook_at is not None


def _hooks(account: Account) -> str:
    if _hook_came(account):
        return "Signed webhooks arrive"
    return "Polled each minute" if is_confirmed(account, "webhook") else ""


def _sold(account: Account) -> str:
    count = account.brands.count()
    return f"{count} brand{'' if count == 1 else 's'}" if count else ""


def unmapped(account: Account) -> int:
    """How many of LeafLink's active staff are no sales rep here."""
    return Staff.objects.filter(account=account, is_active=True, sales_rep__isnull=True).count()


def _reps(account: Account) -> str:
    people = Staff.objects.filter(account=account, is_active=True)
    mapped = people.filter(sales_rep__isnull=False).count()
    return f"{mapped} of {people.count()} mapped" if mapped else ""


def _reps_done(account: Account) -> bool:
    people = Staff.objects.filter(account=account, is_active=True)
    return is_confirmed(account, "reps") or (people.exists() and not unmapped(account))


def linked(account: Account) -> int:
    """How many products are linked."""
    return Listing.objects.filter(product__account=account).count()


def _products(account: Account) -> str:
    count = linked(account)
    there = Product.objects.filter(account=account, gone_at__isnull=True)
    there = there.filter(~Q(listing_state="Archived") | Q(listing__isnull=False))
    return f"{count:,} of {there.count():,} linked" if count else ""


def is_confirmed(account: Account, key: str) -> bool:
    """Whether a person has looked at this step, or passed over it."""
    return key in account.setup_confirmed


def _confirmed(key: str) -> Callable[[Account], bool]:
    return lambda account: is_confirmed(account, key)


def _nothing(account: Account) -> str:
    return ""


STEPS = (
    Step("connect", "Connect", _company, _key_is_good),
    Step("webhook", "Webhook", _hooks, lambda a: _hook_came(a) or is_confirmed(a, "webhook")),
    Step("catalog", "Brands and facilities", _sold, lambda a: a.brands.exists()),
    Step("reps", "Sales reps", _reps, _reps_done),
    Step("products", "Products", _products, lambda a: linked(a) > 0),
    Step("rules", "Rules", _nothing, _confirmed("rules")),
    Step("dry-run", "Dry run", _nothing, _confirmed("dry-run")),
    Step("go-live", "Go live", _nothing, lambda a: not a.in_setup),
)
BY_KEY = {step.key: step for step in STEPS}


def url_of(account: Account, key: str) -> str:
    """The address of a step's page."""
    return reverse("admin:leaflink_account_setup", args=[account.pk, key])


def progress(account: Account, here: str = "") -> list[Standing]:
    """All steps as they stand."""
    return [
        Standing(
            step,
            "done" if step.is_done(account) else "todo",
            step.note(account),
            url_of(account, step.key),
            step.key == here,
        )
        for step in STEPS
    ]


def first_open(account: Account) -> str:
    """The step to go on with: the first that is not done, the last when all are."""
    return next((step.key for step in STEPS if not step.is_done(account)), STEPS[-1].key)


def after(key: str) -> str:
    """The step that follows."""
    keys = list(BY_KEY)
    return keys[min(keys.index(key) + 1, len(keys) - 1)]


@transaction.atomic
def confirm(account: Account, key: str) -> None:
    """Remember that a person has looked at a step."""
    fresh = Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
    if key not in fresh.setup_confirmed:
        fresh.setup_confirmed = [*fresh.setup_confirmed, key]
        Account.objects.filter(pk=account.pk).update(setup_confirmed=fresh.setup_confirmed)
    account.setup_confirmed = fresh.setup_confirmed


def catalog_was_read(account: Account) -> bool:
    """Whether LeafLink's products, with its lists, were read to the end at least once."""
    done = Run.objects.filter(connection=account, kind="products", finished_at__isnull=False)
    return done.exclude(outcome=Run.Outcome.FAILED).exists()
