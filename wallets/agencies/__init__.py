"""What an agency sees of all its sub-accounts at once, and does for several of them."""
