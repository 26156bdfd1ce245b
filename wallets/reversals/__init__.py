"""Money on its way back: refunds by support or at Stripe, and disputes."""
