"""Clients that others make of the document play one story over HTTP, and meet refusals as types.

They are made here by the versions that requirements.lock and javascript/package-lock.json pin.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from accounts.api.client import KeyThrottle
from accounts.models import Scope
from accounts.tests.builders import make_key
from campaigns.tests.builders import make_campaign
from tests.api.document import document, operations
from wallets.models import LedgerEntry, Purchase
from wallets.tests.worlds.builders import add_card, fill, make_wallet

pytestmark = [
    pytest.mark.journey,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nudges"),
]

STORIES = Path(__file__).parent / "clients"
TOOLS = Path(sys.executable).parent
# A generator, a compiler or a story; npm may have to load its packages first.
SECONDS = 240
A_MINUTE = 40


@pytest.fixture(scope="module")
def schema(tmp_path_factory) -> Path:
    """The document in a file, as it is served."""
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_text(json.dumps(document()))
    return file


def run(*command: object, cwd: Path, **environment: str) -> str:
    """What a program says. Fails with all of it when the program fails."""
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(one) for one in command],
        cwd=cwd,
        env=os.environ | {"PATH": path, "NO_COLOR": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # A warning of a generator is a piece that is missing in what customers get.
    assert done.stderr == ""
    return done.stdout


def of_openapi_python_client(schema: Path, folder: Path) -> None:
    said = run(
        *("openapi-python-client", "generate", "--meta", "none", "--fail-on-warning"),
        *("--path", schema, "--output-path", folder / "billing"),
        cwd=folder,
    )
    assert "arning" not in said
    made = {one.stem for one in (folder / "billing/api").glob("*/*.py")}
    assert made - {"__init__"} == {one.said["operationId"] for one in operations()}


def of_datamodel_code_generator(schema: Path, folder: Path) -> None:
    run(
        *("datamodel-codegen", "--input-file-type", "openapi", "--input", schema),
        *("--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin"),
        *("--target-python-version", "3.11", "--output", folder / "models.py"),
        cwd=folder,
    )
    made = (folder / "models.py").read_text()
    missing = [one for one in document()["components"]["schemas"] if f"class {one}(" not in made]
    assert missing == []


def of_openapi_typescript(schema: Path, folder: Path) -> None:
    """Compiled by `tsc --strict`, and a little stricter still."""
    for name in ("story.ts", "tsconfig.json", "package.json"):
        shutil.copy(STORIES / "javascript" / name, folder)
    (folder / "node_modules").symlink_to(_packages())
    binaries = folder / "node_modules/.bin"
    run(binaries / "openapi-typescript", schema, "-o", "api.d.ts", cwd=folder)
    made = (folder / "api.d.ts").read_text()
    assert [one for one in operations() if f"    {one.said['operationId']}: {{" not in made] == []
    run(binaries / "tsc", "--strict", "--project", ".", cwd=folder)


def _packages() -> Path:
    """The packages of package-lock.json, loaded once for each of its versions."""
    lock = STORIES / "javascript/package-lock.json"
    name = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    kept = settings.DATA_DIR / "javascript" / name
    if not (kept / "complete").exists():
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for file in (lock, lock.with_name("package.json")):
            shutil.copy(file, kept)
        run(
            "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=kept
        )
        (kept / "complete").touch()
    return kept / "node_modules"


CLIENTS = {
    of_openapi_python_client: (sys.executable, STORIES / "story_attrs.py"),
    of_datamodel_code_generator: (sys.executable, STORIES / "story_pydantic.py"),
    of_openapi_typescript: ("node", "made/story.js"),
}


@pytest.mark.parametrize("make", CLIENTS, ids=lambda one: one.__name__.removeprefix("of_"))
def test_a_client_made_of_the_document_plays_the_whole_story(
    make, schema, stripe, live_server, monkeypatch, tmp_path
):
    make(schema, tmp_path)
    monkeypatch.setattr(KeyThrottle, "requests_per_minute", A_MINUTE)
    wallet = make_wallet(credit="100", premium=600, basic=600)
    fill(wallet, credit="1")
    add_card(stripe, wallet)
    make_campaign(wallet.account, external_id="spring-1")
    make_campaign(wallet.account, external_id="over-1", status="ended")
    keys = {
        "own": make_key(wallet.account, Scope.READ, Scope.WRITE, Scope.CALLS)[1],
        "read": make_key(wallet.account, Scope.READ)[1],
        "hasty": make_key(wallet.account, Scope.READ)[1],
        # Also when a minute begins while it asks.
        "patience": 3 * A_MINUTE,
    }

    told = run(
        *CLIENTS[make], live_server.url, json.dumps(keys), cwd=tmp_path, PYTHONPATH=str(tmp_path)
    )

    met = json.loads(told)
    (purchase,) = Purchase.objects.all()
    before = LedgerEntry.objects.exclude(purchase=purchase).order_by("-pk")
    assert before.count() == 5
    assert met == {
        "reported": [["call-1", "charged", None], ["call-2", "rejected", "unknown_campaign"]],
        "entries": [entry.pk for entry in before],
        "pages": 3,
        "auto_recharge": [True, "balance_fine"],
        "recharges": [[201, str(purchase.pk)], [200, str(purchase.pk)]],
        "refused": {
            "400": "invalid",
            "401": "authentication_failed",
            "403": "forbidden",
            "404": "not_found",
            "409": "wrong_status",
            "422": "idempotency_key_reused",
            "429": "throttled",
        },
    }
    assert (purchase.state, purchase.amount_cents) == ("succeeded", 5000)
