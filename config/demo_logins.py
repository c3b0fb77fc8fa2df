"""A practice login for each role, so that each can be tried: the password is the name."""

from django.contrib.auth.models import Group, User

from config.roles import ADMINISTRATOR
from customers.models import SalesRep
from customers.own import SALES_REP

LOGINS = {
    "administrator": ADMINISTRATOR,
    "manager": "Manager",
    "office": "Back office",
    "rep": SALES_REP,
    "reader": "Read only",
}


def make_logins() -> None:
    """Make them; what is there already stays as it is. The rep's belongs to the first rep."""
    for name, role in LOGINS.items():
        if User.objects.filter(username=name).exists():
            continue
        user = User.objects.create_user(name, f"{name}@example.com", name, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        first = SalesRep.objects.order_by("pk").first()
        if role == SALES_REP and first and first.user_id is None:
            first.user = user
            first.save(update_fields=["user"])
