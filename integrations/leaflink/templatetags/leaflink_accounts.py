"""How accounts look wherever one is named or chosen."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.leaflink.models import Account

register = template.Library()
# The environment in a word or two, and its colour.
LOOKS = {
    Account.Host.PRODUCTION.value: ("Production", "lb-env-production"),
    Account.Host.SANDBOX.value: ("Sandbox", "lb-env-sandbox"),
    Account.Host.PARTNERS.value: ("Partners' sandbox", "lb-env-partners"),
    Account.Host.STAND_IN.value: ("Practice", "lb-env-stand-in"),
}


def chip(host: str) -> SafeString:
    """The chip of an environment (`Account.host`)."""
    text, look = LOOKS.get(host, (host, ""))
    return format_html('<span class="lb-env {}">{}</span>', look, text)


@register.simple_tag
def environment_chip(account: Any) -> SafeString:
    """{% environment_chip account %}: which LeafLink the account is on, in its colour."""
    return chip(account.host)


@register.inclusion_tag("admin/leaflink/setup/open_ones.html")
def accounts_in_setup(user: Any) -> dict[str, Any]:
    """{% accounts_in_setup user %}: the way back to set-ups that are not done."""
    may = user.has_perm("leaflink.change_account")
    return {"accounts": list(Account.objects.filter(in_setup=True)) if may else []}
