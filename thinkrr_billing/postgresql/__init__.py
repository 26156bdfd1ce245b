"""Django's back end of PostgreSQL, where a kept connection asks and keeps no more than it must."""
