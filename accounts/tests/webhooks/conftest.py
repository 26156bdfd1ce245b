import pytest

from accounts import limits
from accounts.tests.webhooks.receiver import serve


@pytest.fixture
def receiver(settings, monkeypatch):
    """A server on this machine, where production would never connect to."""
    settings.WEBHOOKS_MAY_STAY_HERE = True
    monkeypatch.setattr(limits, "WEBHOOKS_IDLE_SECONDS", 0)
    monkeypatch.setattr(limits, "WEBHOOKS_REST_SECONDS", 0.01)
    monkeypatch.setattr(limits, "WEBHOOKS_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(limits, "WEBHOOKS_LINGER", limits.WEBHOOKS_LINGER * 0)
    receiver, server = serve()
    yield receiver
    receiver.over.set()
    server.shutdown()
    server.server_close()
