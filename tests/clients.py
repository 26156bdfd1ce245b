"""One chain of middleware for all clients of a test process, as for all requests of a server.

Django builds it anew for every client, and WhiteNoise then looks for every static file again.
"""

from django.core.signals import setting_changed
from django.test.client import ClientHandler

_LISTS = ("_view_middleware", "_template_response_middleware", "_exception_middleware")
_load = ClientHandler.load_middleware


def share_middleware() -> None:
    """From now on clients share what the first of them loads, until a setting changes."""
    ClientHandler.load_middleware = _load_for_all
    setting_changed.connect(_load_anew, dispatch_uid="middleware of clients")


def _load_for_all(self: ClientHandler, is_async: bool = False) -> None:
    _load(self, is_async)
    for name in _LISTS:
        setattr(ClientHandler, name, getattr(self, name))
    # Last: it says that the others are there.
    ClientHandler._middleware_chain = staticmethod(self._middleware_chain)


def _load_anew(**kwargs: object) -> None:
    ClientHandler._middleware_chain = None
