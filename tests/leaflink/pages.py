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
