"""Every route, role, method and account, against tables written by hand (`table.py`)."""
