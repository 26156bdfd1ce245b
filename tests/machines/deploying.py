"""docs/deploy.md, from three empty machines to a recharge that was paid."""

import json
import secrets

from tests.cluster.plan import SITE, STRIPE_PORT
from tests.machines import paying
from tests.machines.document import DEPLOY, commands
from tests.machines.machine import GATEWAY
from tests.machines.stranger import RELEASE, Stranger, carry_certificate, carry_code, ours
from thinkrr_billing import stripe_env

ENVIRONMENT = "/etc/billing/environment"


def deploy(stranger: Stranger) -> str:
    """Returns the token of a customer who paid."""
    text = DEPLOY.read_text()
    told = commands(text, "Three machines")
    db, work, web = stranger.db, stranger.work, stranger.web
    stranger.step("`db`: PostgreSQL", lambda: db.type(*told["db"]))
    (roles,) = commands(text, "Making them")[""]
    for role in ("owner", "app"):
        roles = roles.replace("…", stranger.passwords[role], 1)
    asked = f"su postgres -c 'psql -v ON_ERROR_STOP=1' <<'END'\n{roles}\nEND"
    stranger.step("`db`: the two roles", lambda: db.type(asked))
    for machine in (work, web):
        carry_code(machine, RELEASE)
        stranger.step(
            f"`{machine.name}`: packages and code",
            lambda machine=machine: machine.type(*told["work and web"], RELEASE=RELEASE),
        )
        carry_certificate(db, machine)
    _fill_in(stranger)
    known = {"REDIS_PASSWORD": stranger.passwords["redis"], "OWNER_URL": stranger.url("owner")}
    stranger.step("`work`: Redis, tables, processes", lambda: work.type(*told["work"], **known))
    web.type("mkdir /etc/ssl/billing")
    for name, content in paying.certificate().items():
        web.put(f"/etc/ssl/billing/{name}", content)
    stranger.step("`web`: processes and nginx", lambda: web.type(*told["web"], NAME=SITE))
    web.type("curl -sf 127.0.0.1:8000/readyz")
    paying.ask(web, "GET", "/login/")
    token = json.loads(work.type(ours("python -m tests.cluster.world")))["payers"][0]
    stranger.step("a recharge by API", lambda: paying.recharge(web, token, "deployed"))
    return token


def _fill_in(stranger: Stranger) -> None:
    """The environment, as the README's table says. AssertionError where a name is not in it."""
    redis = f":{stranger.passwords['redis']}@{stranger.work.address}:6379"
    values = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": SITE,
        "SITE_URL": f"https://{SITE}",
        "DATABASE_URL": stranger.url("app"),
        "REDIS_URL": f"redis://{redis}/0",
        "EMAIL_URL": "console:",
        "STRIPE_SECRET_KEY": stripe_env.SANDBOX_KEY,
        "STRIPE_WEBHOOK_SECRET": stripe_env.SANDBOX_WEBHOOK_SECRET,
        "METRICS_TOKEN": secrets.token_urlsafe(32),
    }
    for machine in (stranger.work, stranger.web):
        lines = machine.read(ENVIRONMENT).splitlines()
        names = {line.partition("=")[0] for line in lines}
        assert not values.keys() - names, f"{values.keys() - names} are not in .env.example"
        lines = [_filled(line, values) for line in lines]
        lines.append(f"STRIPE_API_BASE=http://{GATEWAY}:{STRIPE_PORT}")
        machine.put(ENVIRONMENT, "\n".join(lines) + "\n")


def _filled(line: str, values: dict[str, str]) -> str:
    name, _, _ = line.partition("=")
    return f"{name}='{values[name]}'" if name in values else line
