"""What entries and calls refer to is there: by triggers, held against PostgreSQL's own keys."""
