"""LeafLink's addresses: one webhook per account."""

from django.urls import path

from integrations.leaflink.webhooks import receive

urlpatterns = [path("webhooks/<uuid:webhook_id>/", receive, name="leaflink-webhook")]
