"""The pages of two-factor sign-in: one's own, and the code that a login is asked for."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from catalog.return_to import where_from
from config import two_factor
from config.models import Authenticator


class CodeForm(forms.Form):
    """A code from the phone, or a backup code."""

    code = forms.CharField(
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "text",
                "autofocus": True,
                "class": "lb-input",
            }
        ),
    )


def user_of(request: HttpRequest) -> User:
    """The person who asks; only for those who are logged in."""
    assert isinstance(request.user, User)
    return request.user


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def ask_code(request: HttpRequest) -> HttpResponse:
    """The second step of a login: the code, for those who have two-factor sign-in."""
    if request.user.is_anonymous:
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    after = where_from(request) or reverse("admin:index")
    if request.session.get(two_factor.STEP) == two_factor.DONE:
        return HttpResponseRedirect(after)
    form, problem = CodeForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        user = user_of(request)
        try:
            if two_factor.verify(user, form.cleaned_data["code"]):
                request.session.cycle_key()
                request.session[two_factor.STEP] = two_factor.DONE
                _tell_few(request, user)
                return HttpResponseRedirect(after)
            problem = "That is not the code. Wait for the next one, and check the phone's clock."
        except two_factor.TooSoon as error:
            problem = str(error)
    elif request.method == "POST":
        problem = "Type the code."
    context = {**admin.site.each_context(request), "title": "Your code", "problem": problem}
    return TemplateResponse(request, "admin/two_factor_code.html", context)


def _tell_few(request: HttpRequest, user: User) -> None:
    left = user.backup_codes.count()
    if left < 3:
        messages.warning(
            request,
            f"You have {left} backup code{'' if left == 1 else 's'} left. Make new ones under "
            "Two-factor sign-in.",
        )


@never_cache
@sensitive_post_parameters("code", "password")
@require_http_methods(["GET", "POST"])
def own_page(request: HttpRequest) -> HttpResponse:
    """One's own two-factor sign-in: set it up, make new backup codes, switch it off."""
    if not admin.site.has_permission(request):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    user = user_of(request)
    acts = {"begin": _begin, "cancel": _cancel, "confirm": _confirm, "codes": _codes, "off": _off}
    if request.method == "POST":
        act = acts.get(request.POST.get("act", ""))
        answer = act(request, user) if act else None
        return answer or HttpResponseRedirect(reverse("two_factor"))
    return _shown(request, user)


def _shown(request: HttpRequest, user: User, **more: Any) -> HttpResponse:
    phone = Authenticator.objects.filter(user=user).first()
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Two-factor sign-in",
        "phone": phone,
        "is_on": bool(phone and phone.confirmed),
        "left": user.backup_codes.count(),
        "must": two_factor.must_have_two_factor(user),
        **more,
    }
    if phone and not phone.confirmed:
        context["picture"] = two_factor.picture(phone, user.get_username())
        context["secret"] = two_factor.typed_secret(phone)
    return TemplateResponse(request, "admin/two_factor.html", context)


def _begin(request: HttpRequest, user: User) -> None:
    if not two_factor.has_two_factor(user):
        two_factor.begin(user)


def _cancel(request: HttpRequest, user: User) -> None:
    Authenticator.objects.filter(user=user, confirmed=False).delete()


def _confirm(request: HttpRequest, user: User) -> HttpResponse | None:
    if two_factor.has_two_factor(user):
        return None
    try:
        codes = two_factor.confirm(user, request.POST.get("code", ""))
    except two_factor.TooSoon as error:
        messages.error(request, str(error))
        return None
    if codes is None:
        messages.error(
            request,
            "That is not the code the phone should show. Check that it shows the one for "
            "Leafbridge and that its clock is right, and type the next one.",
        )
        return None
    request.session[two_factor.STEP] = two_factor.DONE
    return _shown(request, user, codes=codes)


def _codes(request: HttpRequest, user: User) -> HttpResponse | None:
    if two_factor.has_two_factor(user) and _is_password_right(request, user):
        return _shown(request, user, codes=two_factor.new_backup_codes(user))
    return None


def _off(request: HttpRequest, user: User) -> None:
    if not two_factor.has_two_factor(user) or not _is_password_right(request, user):
        return
    try:
        if not two_factor.verify(user, request.POST.get("code", "")):
            messages.error(request, "That is not the code. It is still switched on.")
            return
    except two_factor.TooSoon as error:
        messages.error(request, str(error))
        return
    two_factor.switch_off(user)
    request.session[two_factor.STEP] = two_factor.step_of(user)
    messages.success(request, "Two-factor sign-in is off. Your password alone opens this now.")


def _is_password_right(request: HttpRequest, user: User) -> bool:
    """Whether the password is right; wrong ones count as failed logins, and block like them."""
    given = request.POST.get("password", "")
    if authenticate(request, username=user.get_username(), password=given) == user:
        return True
    if not getattr(request, "axes_locked_out", False):
        messages.error(request, "That is not your password. Nothing was changed.")
    return False
