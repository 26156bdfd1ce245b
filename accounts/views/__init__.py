"""The pages of people and accounts: logging in, switching, being told, settings."""
