"""Webhooks: how long healthy endpoints wait while a third of all are dead.

Ten thousand deliveries over real HTTP to a server of this machine, through the product's own
sender. Of the dead a third each is silent, refuses and fails. Prints a table.
"""

import json
import socket
import threading
import time
from statistics import median, quantiles

from django.conf import settings
from django.db import connection

from benchmarks.running import ask, command, served

AGENCIES, CLIENTS, ENDPOINTS = 30, 20, 10
EVENTS = 1_000
SPREAD_SECONDS = 60
# Beyond this nobody waits: the figure would mean nothing.
GIVES_UP_SECONDS = 300
TELL = "SELECT accounts_tell_webhooks(%s, false, 'campaign.paused', %s::jsonb)"
FACTS = {"id": "spring", "account": "", "name": "Spring", "minute_type": "basic"}
FACTS |= {"status": "paused", "pause_reason": "manual", "paused_at": None, "updated_at": None}
WAITS = """
SELECT e.message, t.url, extract(epoch FROM e.created_at)
FROM accounts_webhookdelivery d JOIN accounts_webhookevent e ON e.id = d.event_id
JOIN accounts_webhookendpoint t ON t.id = d.endpoint_id WHERE t.url LIKE '%%/well/%%'
"""


def run() -> None:
    """Spread over a minute, and then all at once."""
    settings.WEBHOOKS_MAY_STAY_HERE = True
    print(f"{'deliveries':>26} {'median':>8} {'95th':>8} {'longest':>8} {'healthy/s':>10}")
    for seconds in (SPREAD_SECONDS, 0):
        with served(command("benchmarks.sides.receiver")) as receiver:
            port = json.loads(receiver.stdout.readline())["port"]
            clients = _world(port)
            waits, took = _measured(clients, seconds, receiver)
        pace = f"over {seconds} s" if seconds else "at once"
        late = quantiles(waits, n=20)[-1]
        line = f"{EVENTS * ENDPOINTS:,} {pace}"
        print(
            f"{line:>26} {median(waits):>6.2f} s {late:>6.2f} s {max(waits):>6.2f} s"
            f" {len(waits) / took:>10.0f}"
        )


def _world(port: int) -> list[str]:
    """Agencies with their clients, and endpoints of which every third is dead."""
    from accounts.models import Account, WebhookEndpoint, WebhookEvent

    WebhookEvent.objects.all().delete()
    WebhookEndpoint.objects.all().delete()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = nobody.getsockname()[1]
    dead = (
        f"http://127.0.0.1:{port}/silent/{{}}",
        f"http://127.0.0.1:{closed}/{{}}",
        f"http://127.0.0.1:{port}/failing/{{}}",
    )
    clients, endpoints, number = [], [], 0
    for one in range(AGENCIES):
        agency = Account.objects.create(kind="agency", name=f"Agency {one}")
        for _ in range(CLIENTS):
            client = Account.objects.create(kind="sub_account", agency=agency, name="Client")
            clients.append(str(client.pk))
        for _ in range(ENDPOINTS):
            number += 1
            is_dead = number % 3 == 0
            url = dead[number // 3 % 3] if is_dead else f"http://127.0.0.1:{port}/well/{{}}"
            endpoints.append(_endpoint(agency, url.format(number)))
    WebhookEndpoint.objects.bulk_create(endpoints)
    return clients


def _endpoint(agency: object, url: str) -> object:
    from accounts.models import WebhookEndpoint
    from accounts.webhooks import signing

    return WebhookEndpoint(account=agency, url=url, secret=signing.new_secret())


def _measured(clients: list[str], seconds: int, receiver: object) -> tuple[list[float], float]:
    """The wait of each delivery to a healthy endpoint, and for how long that went on."""
    from accounts.webhooks import sending

    began = time.time()
    writer = threading.Thread(target=_write, args=(clients, seconds))
    writer.start()
    while writer.is_alive() or _left():
        sending.send()
        if time.time() - began > GIVES_UP_SECONDS:
            raise RuntimeError("Healthy endpoints still wait: see what the sender said above.")
    writer.join()
    came = ask(receiver)
    with connection.cursor() as cursor:
        cursor.execute(WAITS)
        rows = cursor.fetchall()
    arrivals = [(came[f"{message} {_path(url)}"], float(at)) for message, url, at in rows]
    took = max(arrival for arrival, _ in arrivals) - began
    return [arrival - at for arrival, at in arrivals], took


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def _left() -> bool:
    from accounts.models import WebhookDelivery, WebhookEvent

    new = WebhookEvent.objects.filter(sequence=None).exists()
    waiting = WebhookDelivery.objects.filter(state="waiting", endpoint__url__contains="/well/")
    return new or waiting.exists()


def _write(clients: list[str], seconds: int) -> None:
    """Each event in a transaction of its own, at an even pace."""
    began = time.monotonic()
    try:
        with connection.cursor() as cursor:
            for number in range(EVENTS):
                ahead = began + seconds * number / EVENTS - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
                cursor.execute(TELL, [clients[number % len(clients)], json.dumps(FACTS)])
    finally:
        connection.close()
