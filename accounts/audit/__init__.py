"""What was done, by whom: by staff, by requests, by jobs."""
