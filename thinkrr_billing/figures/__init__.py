"""What monitoring is told, by where it is read."""
