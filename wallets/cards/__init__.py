"""Saved cards: shown, chosen, kept with Stripe, expiring."""
