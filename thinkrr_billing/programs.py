"""Which addresses programs ask. Settings read it, so nothing here may load Django."""

# As settings.SECURE_REDIRECT_EXEMPT writes paths. The API's documents are read by people.
PATHS = r"^(?:api/(?!v1/docs/)|stripe/)"
