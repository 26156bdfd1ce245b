"""deploy/: what cannot be run as it stands is read by the programs it is written for."""

import configparser
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER

from thinkrr_billing.database import LIMITS
from thinkrr_billing.postgresql import silence
from thinkrr_billing.sandbox import postgres
from thinkrr_billing.tests.environments import FOLDER, NAMES, PRODUCTION

DEPLOY = FOLDER / "deploy"
SERVICES = [DEPLOY / f"systemd/billing-{name}.service" for name in ("beat", "web@", "worker")]
UNITS = sorted([*(DEPLOY / "systemd").iterdir(), *(DEPLOY / "backup").glob("billing-*")])
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def variables(name: str) -> dict[str, str]:
    lines = [line for line in (DEPLOY / name).read_text().splitlines() if "=" in line]
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@pytest.mark.proxy
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_each_unit(unit, tmp_path):
    here_are = {
        "/srv/billing[^/]*/.venv/bin": Path(sys.executable).parent,
        "/srv/billing/deploy": DEPLOY,
        "/usr/lib/postgresql/15/bin": Path(postgres._program("postgres")).parent,
    }
    for each in UNITS:
        text = each.read_text()
        for there, here in here_are.items():
            text = re.sub(there, str(here), text)
        (tmp_path / each.name).write_text(text)
    named = tmp_path / unit.name.replace("@.", "@blue.")

    told = subprocess.run(["systemd-analyze", "verify", named], capture_output=True, text=True)

    assert (told.returncode, told.stderr) == (0, "")


def test_a_worker_says_of_each_task_how_it_ended():
    # Celery's own level is WARNING, and it wins over that of the settings.
    assert COMPOSE["services"]["worker"]["command"][-2:] == ["--loglevel", "INFO"]


@pytest.mark.proxy
@pytest.mark.parametrize("name", ["haproxy.cfg", "haproxy-web.cfg"])
def test_haproxy_understands_its_settings(name):
    command = ["/usr/sbin/haproxy", "-c", "-f", DEPLOY / name]

    told = subprocess.run(command, capture_output=True, text=True)

    assert told.returncode == 0, told.stderr


def test_each_process_is_started_in_one_way_by_units_and_containers():
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    units = {
        unit.stem.removeprefix("billing-").rstrip("@"): re.search(
            r"^ExecStart=/srv/billing[^/]*/.venv/bin/(.*)$", unit.read_text(), re.M
        )[1]
        for unit in SERVICES
    }
    web = re.search(r"^CMD \[(.*)\]$", dockerfile, re.M)[1].replace('"', "").replace(", ", " ")
    containers = {name: COMPOSE["services"][name].get("command") for name in units}

    assert units == {
        # The socket is systemd's.
        "web": web.replace(" --bind 0.0.0.0:8000", ""),
        "worker": " ".join(containers["worker"]),
        "beat": " ".join(containers["beat"]),
    }


def test_no_request_starts_a_web_process_that_was_stopped():
    """Colours take turns on the socket; what traffic starts is neither of them."""
    socket = (DEPLOY / "systemd/billing-web.socket").read_text()
    web = (DEPLOY / "systemd/billing-web@.service").read_text()

    started = re.search(r"^Service=(.*)$", socket, re.M)[1]
    held = (DEPLOY / "systemd" / started).read_text()
    assert "\nSockets=billing-web.socket\n" in web
    assert "\nRemainAfterExit=yes\n" in held
    assert "gunicorn" not in held


def test_who_is_told_to_stop_has_the_time_to_end_what_runs():
    told = {
        unit.stem: int(re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.M)[1])
        for unit in SERVICES
    }
    graceful = {
        name: service.get("stop_grace_period") for name, service in COMPOSE["services"].items()
    }
    gunicorn = runpy.run_path(FOLDER / "gunicorn.conf.py")

    assert silence.LONGEST < gunicorn["graceful_timeout"] < told["billing-web@"]
    assert told["billing-worker"] > settings.CELERY_TASK_TIME_LIMIT
    assert graceful["web"] == f"{told['billing-web@']}s"
    assert graceful["worker"] == f"{told['billing-worker']}s"


def test_the_proxy_closes_idle_connections_before_a_web_host_does():
    kept = runpy.run_path(FOLDER / "gunicorn.conf.py")["keepalive"]

    for name in ("nginx/hosts.conf", "compose/hosts.conf"):
        idle = int(re.search(r"keepalive_timeout (\d+)s;", (DEPLOY / name).read_text())[1])
        # gunicorn keeps them for two more seconds when it is told to stop.
        assert idle < min(kept, STOP_KEEPALIVE_LINGER)


@pytest.mark.journey
def test_the_image_is_made_with_its_static_files_where_production_looks_for_them(tmp_path):
    files = subprocess.run(["git", "ls-files", "-z"], cwd=FOLDER, capture_output=True, check=True)
    for name in filter(None, files.stdout.decode().split("\0")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FOLDER / name, tmp_path / name)
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    step = re.search(r"^RUN (DEBUG=False .*?collectstatic --noinput)$", dockerfile, re.M | re.S)[1]

    command = step.replace(".venv/bin/python", sys.executable)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)

    assert list((tmp_path / "staticfiles/ui").glob("app*.css"))


def test_units_start_again_whatever_ended_them():
    """A worker of Celery 5.7.0 that loses Redis in the middle of a task ends for good."""
    for unit in SERVICES:
        assert "\nRestart=always\n" in unit.read_text()
        assert "\nStartLimitIntervalSec=0\n" in unit.read_text()
    for name in ("web", "worker", "beat", "postgres", "redis", "nginx"):
        assert COMPOSE["services"][name]["restart"] == "always"


def test_who_serves_requests_never_sees_the_owners_address():
    owners = [
        name
        for name, service in COMPOSE["services"].items()
        if "owner.env" in str(service.get("env_file"))
    ]

    assert owners == ["migrate", "postgres"]
    assert "thinkrr_owner" in variables("owner.env.example")["DATABASE_URL"]
    assert "thinkrr_app" in variables(".env.example")["DATABASE_URL"]


def test_the_example_sets_every_variable_that_production_needs():
    assert set(PRODUCTION) - set(variables(".env.example")) == set()


def test_every_variable_that_is_read_is_in_the_example_and_in_the_readme():
    sources = [FOLDER / f"thinkrr_billing/{name}.py" for name in ("settings", "env", "stripe_env")]
    asked = re.compile(r'\b(?:text|boolean|port|address|web_address)\(\s*"([A-Z_]+)"')
    read = {name for source in sources for name in asked.findall(source.read_text())}
    named = re.findall(r"^(?:# )?([A-Z_]+)=", (DEPLOY / ".env.example").read_text(), re.M)
    told = re.findall(r"`([A-Z_]+)`", (FOLDER / "README.md").read_text())

    assert set(NAMES) <= read | {"DJANGO_ALLOW_ASYNC_UNSAFE"}
    # Of a developer's machine, and of whoever has another Stripe.
    assert read - set(named) == {"DATA_DIR", "PORT", "STRIPE_API_BASE"}
    assert read - set(told) == {"DATA_DIR"}


@pytest.mark.compose
def test_compose_understands_its_file_and_starts_what_the_product_needs(tmp_path):
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    for name in (".env", "owner.env"):
        shutil.copyfile(DEPLOY / f"{name}.example", tmp_path / "deploy" / name)
    command = ["docker-compose", "-f", tmp_path / "deploy/compose.yaml", "config"]

    told = subprocess.run(command, capture_output=True, text=True)

    assert (told.returncode, told.stderr) == (0, "")
    services = yaml.safe_load(told.stdout)["services"]
    ours = {"web", "worker", "beat", "migrate"}
    assert set(services) == ours | {"postgres", "redis", "mail", "nginx"}
    users = {name: services[name]["environment"]["DATABASE_URL"].split(":")[1] for name in ours}
    assert users.pop("migrate") == "//thinkrr_owner"
    assert set(users.values()) == {"//thinkrr_app"}
    for name in ours:
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    for name in users:
        assert services[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }


def test_no_image_is_whatever_is_newest_today():
    images = {service.get("image") for service in COMPOSE["services"].values()}
    bases = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.M)

    others = (images | set(bases)) - {"thinkrr-billing"}
    assert [name for name in others if ":" not in name or name.endswith(":latest")] == []


def test_what_nginx_writes_of_requests_is_in_the_log_of_its_container():
    [file] = set(re.findall(r"access_log (\S+)", (DEPLOY / "nginx/billing.conf").read_text()))

    assert f"ln -sf /dev/stdout {file} " in COMPOSE["services"]["nginx"]["command"][-1]


def test_what_containers_mount_is_there():
    mounted = [
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]

    made_by_hand = ["./certificates"]
    assert [path for path in mounted if not (DEPLOY / path).is_file()] == made_by_hand


def test_the_pooler_sets_the_limits_of_web_and_worker_and_none_for_commands():
    read = configparser.ConfigParser(comment_prefixes=(";",))
    read.read(DEPLOY / "pgbouncer.ini")
    databases = read["databases"]

    assert dict(re.findall(r"SET (\w+) = (\d+)", databases["thinkrr"])) == {
        name: str(ms) for name, ms in LIMITS.items()
    }
    assert "connect_query" not in databases["thinkrr_commands"]
    assert read["pgbouncer"]["pool_mode"] == "transaction"


def test_roles_are_made_by_a_script_that_is_a_script():
    script = DEPLOY / "compose/roles.sh"

    assert os.access(script, os.X_OK)
    assert subprocess.run([shutil.which("sh"), "-n", script]).returncode == 0
