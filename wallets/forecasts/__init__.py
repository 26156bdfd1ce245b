"""How long a balance lasts, and what Auto-Recharge would have done."""
