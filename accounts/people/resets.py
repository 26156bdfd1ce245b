"""How often a link for a new password is mailed, so that nobody's inbox is flooded."""

from datetime import timedelta
from hashlib import sha256

from accounts.runtime import soft_cache

WINDOW = timedelta(hours=1)
# A person who waits for the first mail asks once or twice more.
MOST_PER_ADDRESS = 3
# An office behind one address, and no more.
MOST_PER_MACHINE = 20


def may_mail(*, email: str, ip: str) -> bool:
    """Count this request, and say whether it is still within both limits."""
    of_machine = _count(f"machine:{ip}")
    of_address = _count(email.strip().lower())
    return of_machine <= MOST_PER_MACHINE and of_address <= MOST_PER_ADDRESS


def _count(who: str) -> int:
    # Hashed, because an address may hold what a cache key may not.
    key = f"reset:{sha256(who.encode()).hexdigest()}"
    return soft_cache.count(key, seconds=WINDOW.total_seconds())
