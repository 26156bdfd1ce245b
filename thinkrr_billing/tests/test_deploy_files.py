"""deploy/: what cannot be run as it stands is read by the programs it is written for."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from thinkrr_billing.database import LIMITS
from thinkrr_billing.tests.environments import FOLDER, PRODUCTION

DEPLOY = FOLDER / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def variables(name: str) -> dict[str, str]:
    lines = [line for line in (DEPLOY / name).read_text().splitlines() if "=" in line]
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@pytest.mark.proxy
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_each_unit(unit, tmp_path):
    here = tmp_path / unit.name
    programs = unit.read_text().replace(
        "/srv/billing/.venv/bin/", f"{Path(sys.executable).parent}/"
    )
    here.write_text(programs)

    told = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True)

    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.proxy
def test_haproxy_understands_its_settings():
    command = ["/usr/sbin/haproxy", "-c", "-f", DEPLOY / "haproxy.cfg"]

    told = subprocess.run(command, capture_output=True, text=True)

    assert told.returncode == 0, told.stderr


def test_each_process_is_started_in_one_way_by_units_and_containers():
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    units = {
        unit.stem.removeprefix("billing-"): re.search(r"^ExecStart=(.*)$", unit.read_text(), re.M)[
            1
        ]
        for unit in UNITS
    }
    web = re.search(r"^CMD \[(.*)\]$", dockerfile, re.M)[1].replace('"', "").replace(", ", " ")
    containers = {name: COMPOSE["services"][name].get("command") for name in units}

    assert {name: unit.removeprefix("/srv/billing/.venv/bin/") for name, unit in units.items()} == {
        "web": web.replace("0.0.0.0", "127.0.0.1"),  # noqa: S104  All of a container.
        "worker": " ".join(containers["worker"]),
        "beat": " ".join(containers["beat"]),
    }


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
    for unit in UNITS:
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


def test_the_example_names_every_variable_that_production_needs():
    assert set(PRODUCTION) - set(variables(".env.example")) == set()


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
