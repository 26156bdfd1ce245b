"""Manage auto allocation: minutes an agency buys for a sub-account each month."""
