"""The API routes of wallets."""

urlpatterns: list = []
