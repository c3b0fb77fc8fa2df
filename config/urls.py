"""Addresses: the admin, the webhooks, and what tells whether we are alive."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import dashboard, health, two_factor_pages
from config.metrics import metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/dashboard/", admin.site.admin_view(dashboard.dashboard), name="dashboard"),
    path("admin/login/code/", two_factor_pages.ask_code, name="two_factor_code"),
    path("admin/two-factor/", two_factor_pages.own_page, name="two_factor"),
    path("admin/", admin.site.urls),
    path("leaflink/", include("integrations.leaflink.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
