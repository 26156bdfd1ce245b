"""Django's back end of PostgreSQL, which asks no more than it must whether a connection lives."""
