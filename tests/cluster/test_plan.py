"""The trial plays the files of deploy/ themselves: what it changes in them are addresses."""

import re
from pathlib import Path

import pytest

from accounts.webhooks import addresses
from tests.cluster import plan
from tests.cluster.judge import REFUSED_WITHIN
from tests.cluster.trials import TRIALS

FOLDER = Path("/run/cluster/somewhere")
FILES = {
    "haproxy": plan.haproxy("web2"),
    "haproxy-web": plan.haproxy_web(),
    "pgbouncer": plan.pgbouncer(FOLDER),
    "patroni": plan.patroni("db2", FOLDER),
    "sentinel": plan.sentinel("vote2"),
    "nginx": plan.nginx(FOLDER),
    "keepalived": plan.keepalived("nginx2"),
}


def test_every_host_has_an_address_of_its_own_in_one_network():
    addresses = {plan.address(host) for host in plan.HOSTS}

    assert len(addresses) == len(plan.HOSTS)
    assert all(re.fullmatch(r"10\.77\.0\.\d+", one) for one in addresses)
    assert plan.DRIVER not in addresses


def test_a_customers_server_is_where_webhooks_may_go():
    target = addresses.read(f"https://{plan.HOOK}/")

    assert addresses.resolve(target) == [plan.HOOK]


def test_a_file_that_no_longer_has_what_is_to_be_changed_is_not_played():
    with pytest.raises(AssertionError, match="deploy/ has no 'bind there' any more"):
        plan.with_all("bind here", ("bind there", "bind 10.77.0.11"))


@pytest.mark.parametrize(
    "name", ["haproxy", "haproxy-web", "patroni", "sentinel", "nginx", "keepalived"]
)
def test_no_file_leads_to_a_host_that_is_only_oneself(name):
    # HAProxy itself listens to its own host alone, asks that host's pooler, and nginx asks it.
    own = {
        "haproxy": "server own ",
        "nginx": "server 127.0.0.1:8100 ",
        "keepalived": "script ",
    }.get(name, "bind ")
    lines = [line.strip() for line in FILES[name].splitlines() if "127.0.0." in line]

    assert [line for line in lines if not line.startswith((own, "bind "))] == []


def test_patroni_knows_itself_the_voters_and_who_may_come():
    file = FILES["patroni"]

    assert "name: db2" in file
    assert f"connect_address: {plan.address('db2')}:5432" in file
    assert all(f"{plan.address(one)}:2379" in file for one in plan.VOTERS)
    assert file.count(plan.NETWORK) == 2


def test_everybody_is_told_of_all_that_stand_twice():
    assert all(f"{plan.address(one)}:5432 check" in FILES["haproxy"] for one in plan.DATABASES)
    assert all(
        f"server {one} {plan.address(one)}:8000 check port 8101" in FILES["haproxy-web"]
        for one in plan.WEB
    )
    assert f"bind {plan.address('web2')}:8101" in FILES["haproxy"]
    assert all(f"{plan.address(one)}:26379" in plan.redis_url() for one in plan.VOTERS)


def test_each_nginx_has_an_address_of_its_own_and_knows_the_others():
    one, other = (plan.keepalived(host) for host in plan.PROXIES)

    assert re.findall(r"priority (\d+)", one) == ["101", "100"]
    assert re.findall(r"priority (\d+)", other) == ["100", "101"]
    assert all(f"{door}/24" in one and f"{door}/24" in other for door in plan.DOORS)
    assert f"unicast_src_ip {plan.address('nginx2')}" in other
    assert f"        {plan.address('nginx1')}\n" in other


def test_the_application_goes_through_its_own_hosts_pooler():
    address = plan.environment()["DATABASE_URL"]

    assert "@127.0.0.1:6432/" in address
    assert address.endswith("?pool_mode=transaction")


@pytest.mark.parametrize(
    ("unit", "program"),
    [
        ("billing-web@.service", "gunicorn"),
        ("billing-worker.service", "celery"),
        ("billing-beat.service", "celery"),
    ],
)
def test_what_a_unit_starts_is_started_and_started_again_as_the_unit_says(unit, program):
    from tests.cluster.processes import RESTARTS_AFTER

    file = (plan.DEPLOY / "systemd" / unit).read_text()

    assert plan.unit(unit)[0].endswith(f"/.venv/bin/{program}")
    assert "Restart=always\n" in file
    assert f"RestartSec={RESTARTS_AFTER:.0f}\n" in file


def test_a_primary_has_two_looks_before_it_is_given_up():
    told = {
        name: int(value) for name, value in re.findall(r"(\w+): (\d+)$", FILES["patroni"], re.M)
    }

    # Patroni's own rule; below it a short silence of etcd ends a healthy primary.
    assert told["loop_wait"] + 2 * told["retry_timeout"] <= told["ttl"]
    assert 2 * told["loop_wait"] < told["ttl"] - told["safety_margin"] + 1


def test_a_poolers_patience_ends_before_a_refusal_would_be_late():
    (patience,) = re.findall(r"^query_wait_timeout = (\d+)$", FILES["pgbouncer"], re.M)

    assert int(patience) < REFUSED_WITHIN["call"]


def test_a_switchover_lets_everybody_wait_and_takes_that_back():
    script = (plan.DEPLOY / "switchover.sh").read_text()
    steps = ("trap 'let_go", '"SET query_wait_timeout', '"PAUSE', "switchover --force")

    assert [script.index(one) for one in steps] == sorted(script.index(one) for one in steps)
    assert script.index("RESUME") < script.index('"RELOAD')


def test_each_trial_has_a_name_of_its_own():
    names = [one.name for one in TRIALS]

    assert len(set(names)) == len(names)
