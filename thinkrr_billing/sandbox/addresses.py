"""The port of this checkout's Stripe sandbox: chosen once, then the same for every command."""

import json
import os
import socket
import tempfile
from pathlib import Path


def stripe_port(data: Path) -> int:
    """Two processes that ask at the same moment get the same answer."""
    path = data / "stripe-sandbox.json"
    if not path.exists():
        _choose(path)
    return int(json.loads(path.read_text())["port"])


def _choose(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({"port": free_port()}, file)
        # link() fails when somebody else was first, and then theirs is the one.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nobody answers there on loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
