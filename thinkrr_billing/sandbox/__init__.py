"""What stands in for the outside world on a developer's machine.

The embedded PostgreSQL, the Stripe sandbox, the supervisor behind `make run`, the demo data and
the simulator of calls. Production never imports it."""
