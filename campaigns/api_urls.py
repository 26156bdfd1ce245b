"""The API routes of campaigns."""

urlpatterns: list = []
