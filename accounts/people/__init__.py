"""Who may do what, who works in an account, and how they get in."""
