"""What support gives away by hand: how much one person may alone, and two above that."""
