"""What minutes cost: rates, amounts, estimates, and what a balance can pay for."""
