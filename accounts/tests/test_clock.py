from datetime import UTC, datetime, timedelta, timezone

import pytest

from accounts import clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_clock_is_the_real_one_outside_a_block():
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_inside_a_block_it_is_the_given_moment_in_utc():
    with clock.at(datetime(2026, 3, 1, 7, tzinfo=timezone(timedelta(hours=-5)))):
        assert clock.now() == NOON
        assert clock.now().tzinfo is UTC


def test_blocks_nest_and_end_even_after_an_error():
    with clock.at(NOON):
        with pytest.raises(ZeroDivisionError), clock.at(NOON + timedelta(days=1)):
            assert 1 / 0
        assert clock.now() == NOON


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="has no time zone"), clock.at(NOON.replace(tzinfo=None)):
        pass
