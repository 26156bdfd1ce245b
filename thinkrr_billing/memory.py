"""What start-up loads stays for good, so the collector of cycles need not walk through it."""

import gc


def keep_what_is_loaded() -> None:
    """Take every object that exists now out of garbage collection. Call once, when all is loaded.

    Otherwise a full collection, which a batch of a thousand calls or a large page sets off, walks
    through all of Django's and Stripe's modules: a quarter of what such a batch costs.
    """
    gc.collect()
    gc.freeze()


def look_for_garbage_rarely() -> None:
    """For what makes and drops models by the thousand and ends soon: tests, the first start.

    Looking for cycles took a fifth to a quarter of their time. Call once, when all is loaded.
    """
    keep_what_is_loaded()
    gc.set_threshold(20_000, 20, 20)
