"""What was paid, what it bought and what used it, for people and their bookkeepers."""
