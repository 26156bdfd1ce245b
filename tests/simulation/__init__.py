"""The seeded simulation: one process, one virtual clock, actors and faults drawn by a generator.

Everything is the real code: PostgreSQL, the middle, the tasks, the Stripe SDK and the sandbox.
Only the sockets are missing: a fault is an exception at the place where it would have been felt.
"""
