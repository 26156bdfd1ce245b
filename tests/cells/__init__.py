"""A cell on Citus itself: `make cells-trial`, by hand."""
