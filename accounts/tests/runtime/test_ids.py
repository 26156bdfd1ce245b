from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

from accounts import clock
from accounts.runtime.ids import time_ordered_uuid


def test_time_ordered_ids_sort_by_time_and_never_repeat():
    # An odd millisecond: the last bit beside the version is kept.
    start, ids = datetime(2026, 11, 22, 12, 0, 0, 1000, tzinfo=UTC), []
    for minute in range(3):
        with clock.at(start + timedelta(minutes=minute)):
            ids += sorted(time_ordered_uuid() for _ in range(50))

    assert ids == sorted(set(ids))
    assert {one.version for one in ids} == {7}
    assert {one.variant for one in ids} == {RFC_4122}
    began = int(start.timestamp() * 1000)
    assert {one.int >> 80 for one in ids} == {began, began + 60_000, began + 120_000}
