"""The last release and this one side by side on one database: deployed and rolled back under load,
and each with what the other left in the queue."""

import http.client
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from accounts.models import Scope
from accounts.tests.builders import make_key
from campaigns.models import Call
from tests.faults.harness import ROOT, App, Plant, come_to_rest
from tests.faults.people import low_balance, taken
from tests.faults.test_e_nginx import NAME, Nginx, batch, bearer
from tests.releases.last import last_release, unpack
from wallets.models import LedgerEntry

pytestmark = [pytest.mark.faults, pytest.mark.redis]

# What a web process may take for the requests it has, and a slow machine.
STOPS_WITHIN = 90


@pytest.fixture(scope="session")
def release(tmp_path_factory) -> Path:
    """The last release's code."""
    return unpack(tmp_path_factory.mktemp("release"))


class Host:
    """A socket that stays open, and the web process that takes from it now."""

    def __init__(self, plant: Plant, name: str) -> None:
        self.plant, self.name, self.now, self.turn = plant, name, None, 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.socket.getsockname()[1]

    def put(self, code: Path) -> None:
        """As `systemctl start` of the other colour and `stop` of this one do."""
        before, self.turn = self.now, self.turn + 1
        self.now = self.plant.web(f"{self.name}-{self.turn}")
        self.now.code, self.now.env = code, self.now.env | {"ALLOWED_HOSTS": NAME}
        self.now.start_on(self.socket)
        if before:
            end(before)


def end(app: App, within: float = STOPS_WITHIN) -> None:
    """By TERM to its first process alone, as units do."""
    app.process.send_signal(signal.SIGTERM)
    assert app.wait_for_end(within) == 0, app.log[-2000:]


@contextmanager
def load(nginx: Nginx, token: str, accounts: list[str]) -> Iterator[list[int]]:
    """Calls are reported over kept connections until the block ends. The list grows by each status;
    no request is sent twice."""
    over, told = threading.Event(), []

    def report(thread: int) -> None:
        line, at = nginx.connect(), 0
        while not over.is_set():
            body = batch(accounts[at % len(accounts)], thread * 1_000_000 + at)
            try:
                line.request("POST", "/api/v1/calls", body, {"Host": NAME} | bearer(token))
                answer = line.getresponse()
                answer.read()
                told.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                told.append(repr(error))
                line.close()
            at += 1
        line.close()

    with ThreadPoolExecutor(6) as pool:
        threads = [pool.submit(report, thread) for thread in range(6)]
        try:
            yield told
        finally:
            over.set()
        for thread in threads:
            thread.result()


def test_what_is_taken_as_released_is_what_that_release_has(release):
    for app, last in last_release()["migrations"].items():
        assert max(path.stem for path in (release / app / "migrations").glob("0*.py")) == last


@pytest.mark.proxy
def test_a_deploy_and_its_roll_back_refuse_nobody_and_charge_once(
    plant, stripe, release, tmp_path_factory
):
    wallets = [low_balance(stripe, credit="10.05") for _ in range(6)]
    token = make_key(None, Scope.CALLS, Scope.READ)[1]
    hosts = [Host(plant, "a"), Host(plant, "b")]
    for host in hosts:
        host.put(release)
    worker = _worker(plant, "worker-1", release)
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), [host.port for host in hosts])
    nginx.start()
    begun = time.monotonic()

    with load(nginx, token, [str(wallet.account_id) for wallet in wallets]) as told:
        nginx.wait_for(lambda: len(told) > 50, "takes calls")
        for turn, code in enumerate((ROOT, release), start=2):
            for host in hosts:
                host.put(code)
            before, worker = worker, _worker(plant, f"worker-{turn}", code)
            end(before)
            plant.send("wallets.tick")
            ticked = re.compile(r"Task wallets\.tick\[\S+\] succeeded")
            worker.wait_for(partial(_says, worker, ticked), "ticks")
        many = len(told)
        nginx.wait_for(lambda: len(told) > many + 50, "goes on")
    nginx.kill()
    print(f"{len(told)} requests in {time.monotonic() - begun:.0f} s", taken(stripe))

    assert set(told) == {200}
    assert Call.objects.count() == len(told)
    worker.wait_for(lambda: len(taken(stripe)) >= len(wallets), "charged what is due")
    end(worker)
    come_to_rest(stripe)
    assert _credited() == sorted(taken(stripe))


def _says(app: App, pattern: re.Pattern) -> bool:
    return bool(pattern.search(app.log))


def _worker(plant: Plant, name: str, code: Path) -> App:
    found = plant.worker(name)
    found.code = code
    found.start(solo=False)
    return found


def _credited() -> list[int]:
    entries = LedgerEntry.objects.filter(kind="auto_recharge")
    return sorted(int(entry.amount * 100) for entry in entries)


def test_a_web_process_that_is_stopped_ends_its_charge_and_the_next_takes_who_waits(
    plant, stripe, tmp_path
):
    wallet = low_balance(stripe)
    token = make_key(wallet.account, Scope.WRITE, Scope.READ)[1]
    host, go_on = Host(plant, "a"), tmp_path / "web_goes_on"
    host.put(ROOT)
    stopped = host.now
    stopped.kill()
    stopped.env |= {"CRASH_POINTS": f"after_confirm:wait:{go_on}"}
    stopped.start_on(host.socket)

    with ThreadPoolExecutor(2) as pool:
        charged = pool.submit(_recharge, host.port, token)
        stopped.wait_for(lambda: taken(stripe), "has charged")
        stopped.process.send_signal(signal.SIGTERM)
        stopped.wait_for(lambda: "Handling signal: term" in stopped.log, "was told")
        waits = pool.submit(_wallet, host.port, token)
        stopped.wait_for(lambda: not waits.done() and not charged.done(), "goes on")
        go_on.touch()
        assert charged.result(STOPS_WITHIN) == 201
        assert stopped.wait_for_end(STOPS_WITHIN) == 0
        after = plant.web("next")
        after.env = stopped.env | {"CRASH_POINTS": ""}
        after.start_on(host.socket)
        assert waits.result(STOPS_WITHIN) == 200

    come_to_rest(stripe)
    assert taken(stripe)[0] == 1600


def _ask(port: int, token: str, method: str, path: str, body: str | None = None) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=STOPS_WITHIN)
    headers = {"Host": NAME, "Idempotency-Key": "once"} | bearer(token)
    line.request(method, f"/api/v1/{path}", body, headers)
    status = line.getresponse().status
    line.close()
    return status


def _recharge(port: int, token: str) -> int:
    return _ask(port, token, "POST", "wallet/recharges", '{"amount": "16.00", "buys": "premium"}')


def _wallet(port: int, token: str) -> int:
    return _ask(port, token, "GET", "wallet")


def test_a_worker_that_is_stopped_ends_its_charge_and_leaves_the_rest_in_the_queue(
    plant, stripe, tmp_path
):
    wallets = [low_balance(stripe) for _ in range(4)]
    go_on = tmp_path / "go_on"
    go_on.unlink(missing_ok=True)
    worker = plant.worker("stopped")
    worker.start(crash=f"after_confirm:wait:{go_on}", solo=False)
    plant.send_all([("wallets.recharge_wallet", (wallet.pk,)) for wallet in wallets])
    worker.wait_for(lambda: len(taken(stripe)) == 2, "both children have charged")

    worker.process.send_signal(signal.SIGTERM)
    worker.wait_for(lambda: "Warm shutdown" in worker.log, "was told")
    assert not LedgerEntry.objects.filter(kind="auto_recharge").exists()
    go_on.touch()

    assert worker.wait_for_end(STOPS_WITHIN) == 0
    assert _credited() == [5000] * 2
    waiting = [json.loads(each) for each in plant.redis.client.lrange("celery", 0, -1)]
    assert [each["headers"]["task"] for each in waiting].count("wallets.recharge_wallet") == 2
    after = plant.worker("next")
    after.start(solo=False)
    after.wait_for(lambda: _credited() == [5000] * 4, "charged the rest")
    come_to_rest(stripe)
    assert taken(stripe) == [5000] * 4


def test_beat_ends_within_what_its_unit_allows(plant):
    beat = plant.beat()
    beat.start()
    beat.wait_for(lambda: "beat: Starting" in beat.log, "began")

    end(beat, within=10)

    assert "Traceback" not in beat.log


@pytest.mark.parametrize(
    ("task", "args", "said"),
    [
        ("wallets.of_the_next_release", (), "Received unregistered task"),
        ("wallets.recharge_wallet", ("extra",), "TypeError"),
    ],
)
def test_a_message_of_another_release_is_refused_in_words_and_its_work_is_found(
    plant, stripe, task, args, said
):
    wallet = low_balance(stripe)
    worker = plant.worker()
    worker.start(solo=False)

    plant.send(task, wallet.pk, *args)
    worker.wait_for(lambda: said in worker.log, "refuses it")
    assert taken(stripe) == []
    plant.send("wallets.tick")

    worker.wait_for(lambda: _credited() == [5000], "the sweep found the work")
    assert task in worker.log
    come_to_rest(stripe)
    assert taken(stripe) == [5000]
