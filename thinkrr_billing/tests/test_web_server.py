"""What gunicorn is told by the file that it reads in the checkout."""

from gunicorn.app.wsgiapp import WSGIApplication

from thinkrr_billing.access_log import AccessLog
from thinkrr_billing.tests.environments import FOLDER


def test_the_application_is_loaded_once_and_each_worker_has_threads(monkeypatch):
    monkeypatch.setattr("sys.argv", ["gunicorn", "thinkrr_billing.wsgi"])
    monkeypatch.chdir(FOLDER)

    told = WSGIApplication().cfg

    assert told.preload_app
    assert (told.worker_class_str, told.threads) == ("gthread", 8)
    assert told.logger_class is AccessLog
