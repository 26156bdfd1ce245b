"""deploy/nginx/billing.conf in Debian's nginx, in front of our web server: who may keep a thread,
what is sent twice, what is told while nobody can be asked, and what the log keeps."""

import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from accounts.models import Scope
from accounts.tests.builders import make_key
from campaigns.models import Call
from tests.faults.harness import ROOT, Part, free_port
from tests.faults.people import low_balance

pytestmark = [pytest.mark.faults, pytest.mark.redis, pytest.mark.proxy]

NAME = "billing.example.com"
NGINX = ROOT / "deploy/nginx"
THREADS = 8


class Nginx(Part):
    def __init__(self, folder: Path, hosts: list[int]) -> None:
        super().__init__("nginx", folder)
        self.port, self.plain = free_port(), free_port()
        folder.chmod(0o755)
        _certificate(folder)
        site = "".join((NGINX / name).read_text() for name in ("hosts.conf", "billing.conf"))
        for there, here in (
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("listen [::]:80;", ""),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("listen [::]:443 ssl http2;", ""),
            ("/etc/ssl/billing/", f"{folder}/"),
            ("/var/log/nginx/", f"{folder}/"),
            ("127.0.0.1:8000", f"127.0.0.1:{hosts[0]}"),
            ("127.0.0.1:8001", f"127.0.0.1:{hosts[1]}"),
        ):
            assert there in site
            site = site.replace(there, here)
        (folder / "site.conf").write_text(site)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        (folder / "nginx.conf").write_text(
            f"daemon off;\npid {folder}/pid;\nworker_processes 1;\nevents {{}}\n"
            f"http {{\n{temporary}\ninclude {folder}/site.conf;\n}}\n"
        )

    def start(self) -> None:
        errors = self.folder / "error.log"
        self.launch("/usr/sbin/nginx", "-e", errors, "-c", self.folder / "nginx.conf")
        self.wait_for(self._listens, "listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self) -> http.client.HTTPSConnection:
        known = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        known.check_hostname = False
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=known)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str):
        """Status, headers and body of the answer."""
        line = self.connect()
        line.request(method, path, body, {"Host": NAME} | headers)
        answer = line.getresponse()
        told = answer.status, answer.headers, answer.read()
        line.close()
        return told

    def logged(self, many: int) -> list[dict]:
        """Its lines, once there are so many: it writes one after the answer."""
        file = self.folder / "billing.log"
        self.wait_for(lambda: len(file.read_text().splitlines()) >= many, "wrote its log")
        return [json.loads(one) for one in file.read_text().splitlines()]


def _certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        + ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        + ["-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def alone(tmp_path_factory) -> Iterator[Nginx]:
    """Nobody behind it."""
    yield from _running(Nginx(tmp_path_factory.mktemp("nginx"), [free_port(), free_port()]))


@pytest.fixture
def web(plant):
    found = plant.web()
    found.env |= {"ALLOWED_HOSTS": NAME}
    found.start()
    return found


@pytest.fixture
def nginx(web, tmp_path_factory) -> Iterator[Nginx]:
    """The first of its two hosts is away from the beginning."""
    yield from _running(Nginx(tmp_path_factory.mktemp("nginx"), [free_port(), web.port]))


def _running(proxy: Nginx) -> Iterator[Nginx]:
    proxy.start()
    yield proxy
    proxy.kill()


@pytest.fixture
def key(web, stripe) -> tuple[str, str]:  # noqa: ARG001
    """An account, and the voice platform's key."""
    wallet = low_balance(stripe)
    return str(wallet.account_id), make_key(None, Scope.CALLS, Scope.READ)[1]


def batch(account: str, first: int, many: int = 1) -> bytes:
    call = {"account": account, "seconds": 1, "minute_type": "basic"}
    ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    calls = [call | {"id": f"n{first + at}", "ended_at": ended} for at in range(many)]
    return json.dumps({"calls": calls}).encode()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def test_a_host_that_is_away_is_passed_over_and_nothing_is_refused(nginx, key):
    account, token = key

    told = [
        nginx.ask("POST", "/api/v1/calls", batch(account, at), **bearer(token)) for at in range(10)
    ]

    assert [status for status, _, _ in told] == [200] * 10
    assert Call.objects.count() == 10


def test_slow_clients_hold_no_thread(nginx, key):
    account, token = key
    slow = []
    for _ in range(4 * THREADS):
        line = nginx.connect()
        line.putrequest("POST", "/api/v1/calls", skip_host=True)
        for name, value in {"Host": NAME, "Content-Length": "4000", **bearer(token)}.items():
            line.putheader(name, value)
        line.endheaders(b'{"calls": [')
        slow.append(line)

    begun = time.monotonic()
    status, _, _ = nginx.ask("POST", "/api/v1/calls", batch(account, 0), **bearer(token))
    took = time.monotonic() - begun

    assert (status, Call.objects.count()) == (200, 1)
    assert took < 5
    # And they themselves are given up.
    with pytest.raises(http.client.RemoteDisconnected):
        slow[0].getresponse()
    for line in slow:
        line.close()


def test_a_body_above_what_anybody_may_send_is_refused_before_our_door(alone):
    status, headers, body = alone.ask("POST", "/api/v1/calls", b" " * 1_200_000, **bearer("any"))

    assert (status, headers.get_content_type()) == (413, "application/json")
    assert json.loads(body)["error"]["code"] == "too_large"
    assert alone.logged(1)[0]["host"] == ""


def test_while_no_host_can_be_asked_programs_and_people_read_when_to_come_again(nginx, web, key):
    account, token = key
    web.kill()

    status, headers, body = nginx.ask("POST", "/api/v1/calls", batch(account, 0), **bearer(token))
    assert (status, headers["Retry-After"]) == (503, "5")
    assert json.loads(body)["error"]["code"] == "unavailable"

    status, headers, body = nginx.ask("GET", "/payments/")
    assert (status, headers["Retry-After"]) == (503, "5")
    assert "Try again in 5 seconds." in body.decode()
    assert Call.objects.count() == 0


def test_connections_kept_open_live_through_a_restart_and_every_call_is_charged_once(
    nginx, web, key
):
    account, token = key
    over = threading.Event()

    def report(thread: int) -> int:
        """One connection for all; each batch again until it is taken."""
        line, taken = nginx.connect(), 0
        while not over.is_set():
            body = batch(account, thread * 100_000 + taken)
            line.request("POST", "/api/v1/calls", body, {"Host": NAME} | bearer(token))
            answer = line.getresponse()
            answer.read()
            taken += answer.status == 200
            assert answer.status in (200, 503)
        line.close()
        return taken

    with ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(report, thread) for thread in range(4)]
        time.sleep(1)
        port = web.port
        web.signal(15)
        web.wait_for_end()
        web.start_at(port)
        time.sleep(2)
        over.set()
        taken = sum(thread.result() for thread in threads)

    assert taken > 8
    assert Call.objects.count() == taken


def test_the_log_names_who_really_asked_and_the_id_that_goes_on_to_web_and_worker(alone):
    alone.ask("GET", "/login/", **{"X-Forwarded-For": "203.0.113.9", "X-Request-ID": "seen-by-us"})

    (line,) = alone.logged(1)
    assert (line["address"], line["request"]) == ("127.0.0.1", "seen-by-us")


def test_links_that_let_people_in_are_kept_out_of_the_log(alone):
    for path in ("/invitations/abc123/", "/password-reset/MQ/c0de-secret/?next=/x", "/login/?a=b"):
        alone.ask("GET", path)

    assert [one["path"] for one in alone.logged(3)] == [
        "/invitations/…",
        "/password-reset/…",
        "/login/",
    ]
    # That nobody is behind it is an error each time.
    assert "secret" not in (errors := (alone.folder / "error.log").read_text())
    assert "abc123" not in errors


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_monitoring_asks_is_not_told_outside(alone, path):
    assert alone.ask("GET", path)[0] == 404


@pytest.mark.parametrize(
    "path",
    ["/login/", "/login/code/", "/password-reset/", "/invitations/x/", "/admin/second-factor/"],
)
def test_a_log_in_tried_again_and_again_is_slowed_down(alone, path):
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: alone.ask("GET", path), range(40)))

    refused = [(headers["Retry-After"]) for status, headers, _ in told if status == 429]
    assert 10 <= len(refused) <= 20
    assert set(refused) == {"1"}


def test_a_key_is_not_led_on_from_plain_http(alone):
    line = http.client.HTTPConnection("127.0.0.1", alone.plain, timeout=10)
    line.request("GET", "/api/v1/wallet", headers={"Host": NAME})
    api = line.getresponse()
    api.read()
    line.request("GET", "/payments/?a=b", headers={"Host": NAME})
    page = line.getresponse()

    assert api.status == 403
    assert (page.status, page.headers["Location"]) == (301, f"https://{NAME}/payments/?a=b")
    line.close()


def test_no_limit_of_the_proxy_is_below_one_of_ours():
    from campaigns.api.calls import BATCH_BYTES
    from thinkrr_billing.postgresql import silence

    site = (NGINX / "billing.conf").read_text()

    assert int(re.search(r"client_max_body_size (\d+)k", site)[1]) * 1024 >= BATCH_BYTES
    assert int(re.search(r"proxy_read_timeout (\d+)s", site)[1]) > silence.LONGEST
