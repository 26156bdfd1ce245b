"""deploy/haproxy-web.cfg and haproxy.cfg in Debian's HAProxy: which web hosts are asked, and how
soon one that hangs is left. Behind nginx they stand in `make cluster`."""

import http.client
import socketserver
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.harness import ROOT, Part, free_port

pytestmark = [pytest.mark.faults, pytest.mark.proxy]

DEPLOY = ROOT / "deploy"
# What a 503 of ours promises, docs/high-availability.md.
TOLD_WITHIN = 5


class Pooler(socketserver.ThreadingTCPServer):
    """PgBouncer's answer to whoever asks for TLS, while it is awake."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Knock)
        self.awake = threading.Event()
        self.awake.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Knock(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.rfile.read(8)
        self.server.awake.wait(30)
        with suppress(OSError):
            self.wfile.write(b"N")


class HAProxy(Part):
    def __init__(self, folder: Path, file: str, *changes: tuple[str, str]) -> None:
        super().__init__("haproxy", folder)
        text = (DEPLOY / file).read_text()
        for there, here in changes:
            assert there in text
            text = text.replace(there, here)
        (folder / "haproxy.cfg").write_text(text)

    def start(self) -> None:
        self.launch("/usr/sbin/haproxy", "-db", "-f", self.folder / "haproxy.cfg")


class Host:
    """A web host: its pooler, its HAProxy, and a web process."""

    def __init__(self, folder: Path) -> None:
        self.port, self.alive_port, self.pooler = free_port(), free_port(), Pooler()
        self.web = Part("web", folder / "web")
        self.proxy = HAProxy(
            folder / "proxy",
            "haproxy.cfg",
            ("127.0.0.1:8101", f"127.0.0.1:{self.alive_port}"),
            ("127.0.0.1:6432", f"127.0.0.1:{self.pooler.server_address[1]}"),
            ("127.0.0.1:5000", f"127.0.0.1:{free_port()}"),
        )
        self.parts = (self.web, self.proxy)

    def start(self) -> None:
        self.proxy.start()
        self.web.launch(sys.executable, ROOT / "tests/faults/plain_host.py", self.port)

    def freeze(self) -> None:
        for part in self.parts:
            part.freeze()

    def thaw(self) -> None:
        for part in self.parts:
            part.thaw()

    def end(self) -> None:
        for part in self.parts:
            part.kill()
        self.pooler.awake.set()
        self.pooler.shutdown()
        self.pooler.server_close()


class Front:
    """What nginx asks."""

    def __init__(self, folder: Path, hosts: list[Host]) -> None:
        self.port, self.held_port = free_port(), free_port()
        self.proxy = HAProxy(
            folder,
            "haproxy-web.cfg",
            ("127.0.0.1:8100", f"127.0.0.1:{self.port}"),
            ("127.0.0.1:8102", f"127.0.0.1:{self.held_port}"),
            *(
                (
                    f"{there}:8000 check port 8101",
                    f"127.0.0.1:{host.port} check port {host.alive_port}",
                )
                for there, host in zip(("127.0.0.1", "127.0.0.2"), hosts, strict=True)
            ),
        )

    def ask(
        self, path: str = "/api/v1/calls", body: bytes = b"{}", *, works_for: float = 0
    ) -> int | None:
        """Which host answered; None where the line was cut without a word."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request("POST", path, body, {"X-Works-For": str(works_for)})
            return int(line.getresponse().read())
        except (http.client.RemoteDisconnected, ConnectionError):
            return None
        finally:
            line.close()

    def asked(self, times: int = 6) -> set[int | None]:
        return {self.ask() for _ in range(times)}


@pytest.fixture
def hosts(tmp_path) -> Iterator[list[Host]]:
    found = [Host(tmp_path / name) for name in ("a", "b")]
    for host in found:
        host.start()
    yield found
    for host in found:
        host.end()


@pytest.fixture
def front(hosts, tmp_path) -> Iterator[Front]:
    found = Front(tmp_path / "front", hosts)
    found.proxy.start()
    both = {host.port for host in hosts}
    found.proxy.wait_for(lambda: found.asked() == both, "asks both hosts")
    yield found
    found.proxy.kill()


def test_a_host_that_hangs_is_left_and_who_waits_there_is_told_in_time(front, hosts):
    hangs, works = hosts
    hangs.freeze()

    began = time.monotonic()
    first = front.asked(2)
    waited = time.monotonic() - began

    # nginx says 503 where the line was cut: what was sent once is not sent again.
    assert first <= {works.port, None}
    assert None in first
    assert waited < TOLD_WITHIN
    assert front.asked() == {works.port}
    hangs.thaw()
    front.proxy.wait_for(lambda: front.asked() == {hangs.port, works.port}, "asks both again")


def test_a_host_whose_pooler_is_silent_is_left_and_asked_again_when_it_speaks(front, hosts):
    silent, works = hosts
    silent.pooler.awake.clear()

    front.proxy.wait_for(lambda: front.asked() == {works.port}, "asks the other alone")
    silent.pooler.awake.set()

    front.proxy.wait_for(lambda: front.asked() == {silent.port, works.port}, "asks both again")


def test_a_web_process_that_ended_costs_nobody_an_answer(front, hosts):
    hosts[0].web.kill()

    assert front.asked() == {hosts[1].port}


def test_where_no_host_is_left_the_line_is_cut_at_once_so_that_nginx_speaks(front, hosts):
    for host in hosts:
        host.proxy.kill()
    front.proxy.wait_for(lambda: front.asked(1) == {None}, "asks nobody")

    began = time.monotonic()
    assert front.ask() is None
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("path", ["calls", "calls/authorize", "calls/holds", "campaigns/1/pause"])
def test_what_the_platform_waits_for_is_told_in_time_where_a_host_that_is_well_is_slow(
    front, hosts, path
):
    began = time.monotonic()
    assert front.ask(f"/api/v1/{path}", works_for=7) is None
    assert time.monotonic() - began < TOLD_WITHIN
    assert front.asked() == {host.port for host in hosts}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/calls", b" " * 30_000),
        ("/api/v1/calls?output=csv", b""),
        ("/api/v1/wallet/recharges", b"{}"),
        ("/wallet/recharge/", b""),
    ],
    ids=["a large batch", "a file", "a charge", "a page"],
)
def test_what_may_take_longer_is_waited_for(front, hosts, path, body):
    assert front.ask(path, body, works_for=6) in {host.port for host in hosts}


def test_while_a_switchover_holds_what_comes_the_platform_is_let_wait(front, hosts):
    with urllib.request.urlopen(f"http://127.0.0.1:{front.held_port}/", timeout=5) as told:
        assert told.status == 200

    assert front.ask(works_for=6) in {host.port for host in hosts}
