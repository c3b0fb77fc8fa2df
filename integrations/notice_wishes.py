"""The page on which people say which notices they want by mail, and try whether mail works."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminRadioSelectWidget

from catalog.permissions import require
from integrations import notice_mail
from integrations.models import Notice, NoticeMail, NoticeWish

VIEW = "integrations.view_notice"
# Nobody can be told by mail that mail is broken.
KINDS = [choice for choice in Notice.Category.choices if choice[0] != Notice.Category.MAIL]
Frequency = NoticeWish.Frequency


class WishForm(forms.ModelForm):  # type: ignore[type-arg]
    """How often, and which kinds."""

    wanted = forms.MultipleChoiceField(
        label="About",
        choices=KINDS,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = NoticeWish
        fields = ("frequency",)
        widgets = {"frequency": UnfoldAdminRadioSelectWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        unwanted = self.instance.unwanted
        self.fields["wanted"].initial = [kind for kind, _ in KINDS if kind not in unwanted]

    def save(self, commit: bool = True) -> Any:
        wanted = self.cleaned_data["wanted"]
        self.instance.unwanted = [kind for kind, _ in KINDS if kind not in wanted]
        return super().save(commit)


def mails(request: HttpRequest) -> HttpResponse:
    """My mails: how often, about what, and which were sent lately."""
    require(request, VIEW)
    user = request.user
    assert isinstance(user, User)
    wish = NoticeWish.objects.filter(user=user).first() or NoticeWish(
        user=user, frequency=_without_a_wish(user)
    )
    form = WishForm(request.POST or None, instance=wish)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your choice is saved.")
        return HttpResponseRedirect(reverse("admin:integrations_notice_mails"))
    sent = NoticeMail.objects.filter(address__iexact=user.email).select_related("notice")
    context = {
        **admin.site.each_context(request),
        "title": "Notices by mail",
        "opts": Notice._meta,
        "form": form,
        "address": user.email,
        "sent": sent.order_by("-at", "-pk")[:10] if user.email else [],
    }
    return TemplateResponse(request, "admin/notice_wishes.html", context)


def _without_a_wish(user: User) -> str:
    """What a person who never said anything gets."""
    is_admin = user.is_superuser or user.groups.filter(name=notice_mail.ADMINISTRATORS).exists()
    return Frequency.AT_ONCE if is_admin else Frequency.NEVER


@require_POST
def test_mail(request: HttpRequest) -> HttpResponse:
    """Send the viewer a mail now, and say whether it left."""
    require(request, VIEW)
    assert isinstance(request.user, User)
    address = request.user.email
    if not address:
        messages.error(
            request, "You have no e-mail address here. Ask an administrator to enter it."
        )
    else:
        try:
            notice_mail.send_test(address)
        except Exception as error:  # any backend may be behind it
            messages.error(request, notice_mail.in_words(error))
        else:
            notice_mail.works()
            messages.success(request, f"A test mail is on its way to {address}.")
    return HttpResponseRedirect(reverse("admin:integrations_notice_mails"))
