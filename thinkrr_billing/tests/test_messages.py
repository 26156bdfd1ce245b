"""What a worker reads: JSON, and nothing that could be a program."""

import pickle

import pytest
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads

from thinkrr_billing.celery import app

PICKLED = "application/x-python-serialize"


def test_a_worker_reads_and_writes_json_only():
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == app.conf.event_serializer == "json"
    assert app.conf.result_accept_content in (None, ["json"])


def test_a_message_that_is_a_program_is_not_read():
    with pytest.raises(ContentDisallowed):
        loads(pickle.dumps(["a"]), PICKLED, "binary", accept=app.conf.accept_content)
