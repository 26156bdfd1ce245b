"""The only state machine that takes money, and what support does about a purchase."""
