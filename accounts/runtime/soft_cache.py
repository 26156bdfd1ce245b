"""The cache, for what may be forgotten: while its server is down or silent, it is as good as
empty."""

import logging
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache

from accounts.runtime import silent_redis
from accounts.runtime.time_limits import TimeIsUp

logger = logging.getLogger(__name__)

T = TypeVar("T")


def count(key: str, *, seconds: float) -> int:
    """Add one to a counter that lives `seconds` from its first call, and return it.

    0 while the cache is down: it brakes, and must not take pages or the API with it.
    """
    try:
        with silent_redis.asked():
            cache.add(key, 0, timeout=seconds)
            return cache.incr(key)
    except ValueError:  # It expired in between.
        return 1
    except TimeIsUp:
        raise
    # Every back end has errors of its own.
    except Exception as error:
        logger.warning("not counted error=%s", type(error).__name__)
        return 0


def keep(key: str, make: Callable[[], T], *, seconds: float) -> T:
    """What was made under this key in the last `seconds`, or else made now."""
    try:
        with silent_redis.asked():
            if (found := cache.get(key)) is not None:
                return found
    except TimeIsUp:
        raise
    except Exception as error:
        logger.warning("not read from the cache error=%s", type(error).__name__)
        return make()
    found = make()
    try:
        with silent_redis.asked():
            cache.set(key, found, seconds)
    except TimeIsUp:
        raise
    except Exception as error:
        logger.warning("not kept in the cache error=%s", type(error).__name__)
    return found
