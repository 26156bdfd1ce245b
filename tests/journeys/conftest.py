"""What journeys share: real worker processes that are gone when the test is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.workers import Workers


@pytest.fixture
def workers(transactional_db: None, stripe: object, tmp_path: Path) -> Iterator[Workers]:  # noqa: ARG001
    found = Workers(tmp_path)
    yield found
    found.stop()
