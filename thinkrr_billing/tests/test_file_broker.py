"""The messages of `make run` without Redis: whole, or not there yet."""

from queue import Empty

import pytest
from celery import Celery


class Slow:
    """Part of a message during whose writing somebody else looks for one."""

    def __init__(self, look) -> None:
        self._look = look

    def __json__(self) -> str:
        with pytest.raises(Empty):
            self._look()
        return "written"


@pytest.fixture
def channel(tmp_path):
    app = Celery(broker="files://localhost/", set_as_current=False)
    app.conf.broker_transport_options = {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path / "control"),
    }
    with app.connection_for_write() as connection:
        yield connection.default_channel


def test_a_message_that_is_being_written_is_not_there_yet(channel):
    channel._put("celery", {"body": Slow(look=lambda: channel._get("celery"))})

    assert channel._get("celery") == {"body": "written"}


def test_messages_come_in_the_order_in_which_they_were_sent(channel):
    for number in range(20):
        channel._put("celery", {"body": number})

    assert [channel._get("celery")["body"] for _ in range(20)] == list(range(20))


def test_bindings_that_a_killed_process_left_empty_are_written_anew(channel):
    channel.control_folder.mkdir()
    (channel.control_folder / "celery.exchange").touch()

    assert channel.get_table("celery") == []
    channel._queue_bind("celery", "key", "", "celery")
    assert [found.queue for found in channel.get_table("celery")] == ["celery"]
