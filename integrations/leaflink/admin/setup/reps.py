"""Step 4: who of our sales reps is each of LeafLink's staff."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from catalog.permissions import require
from customers.models import SalesRep
from integrations.leaflink import map_reps, setup_steps
from integrations.leaflink.admin.setup.frame import on_from, show
from integrations.leaflink.admin.setup.selling import reading, reading_part
from integrations.leaflink.models import Account, Staff


def reps(request: HttpRequest, account: Account) -> HttpResponse:
    """Everybody with the likeliest rep chosen already; one button maps them all."""
    people = Staff.objects.filter(account=account, is_active=True).order_by("name", "pk")
    open_ones = list(people.filter(sales_rep__isnull=True).defer("raw"))
    if request.method == "POST":
        if open_ones and "skip" not in request.POST:
            _map(request, open_ones)
        setup_steps.confirm(account, "reps")
        return on_from(account, "reps")
    if request.GET.get("part") == "reading":
        return reading_part(request, account, "reps")
    likely = map_reps.suggested(open_ones)
    none_here = not SalesRep.objects.filter(is_active=True).exists()
    return show(
        request,
        account,
        "reps",
        "reps",
        people=[
            # Where there are no reps at all, LeafLink's staff are the reps.
            (person, likely.get(person.pk), none_here and bool(person.email))
            for person in open_ones
        ],
        mapped=list(people.filter(sales_rep__isnull=False).select_related("sales_rep")),
        reps=SalesRep.objects.filter(is_active=True),
        may_make=request.user.has_perm("customers.add_salesrep"),
        step_key="reps",
        **reading(account),
    )


def _map(request: HttpRequest, people: list[Staff]) -> None:
    require(request, "leaflink.change_staff")
    reps = {str(rep.pk): rep for rep in SalesRep.objects.filter(is_active=True)}
    count = 0
    for person in people:
        choice = request.POST.get(f"rep-{person.pk}", "")
        try:
            if choice == "new":
                require(request, "customers.add_salesrep")
                map_reps.map_to_own_rep(person)
                count += 1
            elif choice in reps:
                map_reps.map_to(person, reps[choice])
                count += 1
        except ValidationError as error:
            messages.error(request, f"{person}: {' '.join(error.messages)}")
    if count:
        who = "1 person is" if count == 1 else f"{count} people are"
        messages.success(request, f"{who} mapped to a sales rep.")
