"""What Stripe's objects hold and what changes them, from a customer to a dispute."""
