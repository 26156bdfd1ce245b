"""What accounting software that is not ours makes of our exports."""
