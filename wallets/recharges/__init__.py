"""Recharging by hand and by itself: when, how much, and what becomes of it."""
