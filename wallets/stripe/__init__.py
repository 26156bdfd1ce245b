"""What speaks to Stripe, or knows its addresses. Only this room imports its SDK."""
