"""What the work costs. Nothing of the application imports this."""
