"""Addresses: the admin, the webhooks, and what tells whether we are alive."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health, two_factor_pages

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/login/code/", two_factor_pages.ask_code, name="two_factor_code"),
    path("admin/two-factor/", two_factor_pages.own_page, name="two_factor"),
    path("admin/", admin.site.urls),
    path("leaflink/", include("integrations.leaflink.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
