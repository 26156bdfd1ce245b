"""What gunicorn is told by the file that it reads in the checkout, and what it loads of ours."""

import json

from gunicorn.app.wsgiapp import WSGIApplication

from thinkrr_billing.access_log import AccessLog
from thinkrr_billing.tests.environments import FOLDER, said_by


def test_the_application_is_loaded_once_and_each_worker_has_threads(monkeypatch):
    monkeypatch.setattr("sys.argv", ["gunicorn", "thinkrr_billing.wsgi"])
    monkeypatch.chdir(FOLDER)

    told = WSGIApplication().cfg

    assert told.preload_app
    assert (told.worker_class_str, told.threads) == ("gthread", 8)
    assert told.logger_class is AccessLog


LOADED = """
import json, os, sys
import thinkrr_billing.wsgi
from django.urls import get_resolver
opened = []
for number in os.listdir("/proc/self/fd"):
    try:
        opened.append(os.readlink(f"/proc/self/fd/{number}"))
    except FileNotFoundError:
        pass
print(json.dumps({
    "modules": [name for name in ("kombu.transport.redis", "wallets.urls") if name in sys.modules],
    "addresses": len(get_resolver()._reverse_dict),
    "sockets": [name for name in opened if name.startswith("socket:")],
}))
"""


def test_what_workers_share_is_loaded_before_they_fork_and_connects_nowhere():
    server, broker = "postgres://us@127.0.0.1:9/x", "redis://127.0.0.1:9/0"

    loaded = json.loads(said_by(LOADED, DATABASE_URL=server, REDIS_URL=broker))

    assert loaded["modules"] == ["kombu.transport.redis", "wallets.urls"]
    assert loaded["addresses"] > 0
    assert loaded["sockets"] == []


def test_no_words_of_a_language_are_loaded_for_the_name_of_a_currency():
    program = "import thinkrr_billing.wsgi, babel.localedata as words; print(len(words._cache))"

    assert said_by(program) == "0\n"
