"""What tests of admin pages share: addresses, and the text a person reads."""

import html
import re

from django.urls import reverse


def url(name, *args):
    return reverse(f"admin:{name}", args=args)


def text_of(answer):
    plain = re.sub(
        r"<[^>]+>", " ", re.sub(r"(?s)<(script|style).*?</\1>", "", answer.content.decode())
    )
    return " ".join(html.unescape(plain).split())


def change_on_rules_page(client, account, **changes):
    """Post the page of rules as a browser does, with some controls changed (None: unticked)."""
    page = url("leaflink_account_rules", account.pk)
    form = client.get(page).context["form"]
    data = {name: form[name].value() for name in form.fields} | changes
    given = {name: value for name, value in data.items() if value not in (None, False)}
    return client.post(page, given)
