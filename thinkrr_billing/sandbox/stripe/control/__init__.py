"""The control API: what only a bank, a cardholder or a test may do, and scripted faults."""
