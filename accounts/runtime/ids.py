"""Ids that sort by when they were made."""

import os
from uuid import UUID

from accounts import clock


def time_ordered_uuid() -> UUID:
    """A version 7 UUID: 48 bits of milliseconds, then chance. New keys land beside each other."""
    milliseconds = int(clock.now().timestamp() * 1000)
    value = milliseconds << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
