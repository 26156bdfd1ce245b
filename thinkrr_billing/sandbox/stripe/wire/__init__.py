"""What goes over the wire: requests, answers, form encoding, errors. It knows no state."""
