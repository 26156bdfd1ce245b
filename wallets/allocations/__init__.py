"""Minutes an agency buys for a sub-account each month."""
