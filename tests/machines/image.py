"""`python -m tests.machines.image`: deploy/Dockerfile built by buildah, and the image started.

No registry is asked: what it begins with is made here of Debian's packages. Needs root.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import apart
from tests.cluster.network import run
from tests.machines.document import ROOT
from tests.machines.machine import AUTHORITIES, TRUSTED
from thinkrr_billing.sandbox.addresses import free_port
from thinkrr_billing.tests.processes import wait_until

PROGRAMS = {"mmdebstrap": "mmdebstrap", "buildah": "buildah"}
DEBIAN, IMAGE = "localhost/debian:bookworm-slim", "localhost/thinkrr-billing"
DOCKERFILE = "deploy/Dockerfile"
# Nothing that only tests, the sandbox or a developer needs.
LEFT_OUT = ("tests", ".git", ".venv/bin/pytest", ".venv/bin/uv", "thinkrr_billing/tests")
STARTS_WITHIN = 60
PAPERS = ("doc", "info", "locale", "man")


class Image:
    """Buildah with a store of its own, which ends with the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = ["--root", f"{folder}/store", "--runroot", f"{folder}/run"]

    def ask(self, command: str, *arguments: str) -> str:
        return run(*self.command(command, *arguments)).strip()

    def command(self, command: str, *arguments: str) -> list[str]:
        return ["buildah", *self._store, "--storage-driver", "vfs", command, *arguments]

    def make_debian(self) -> None:
        """Its essential packages without papers, as Debian's slim image; and whom this machine's
        network trusts."""
        packed = f"{self.folder}/debian.tar"
        slim = [f"--dpkgopt=path-exclude=/usr/share/{papers}/*" for papers in PAPERS]
        run("mmdebstrap", "--variant=minbase", *slim, "bookworm", packed)
        begun = self.ask("from", "scratch")
        self.ask("add", "--quiet", begun, packed, "/")
        self.ask("copy", "--quiet", begun, AUTHORITIES, TRUSTED)
        trusted = [f"--env={name}={TRUSTED}" for name in ("PIP_CERT", "SSL_CERT_FILE")]
        self.ask("config", *trusted, begun)
        self.ask("commit", "--quiet", "--rm", begun, DEBIAN)

    def build(self) -> None:
        """From what git has, as a release is."""
        context = self.folder / "context"
        context.mkdir()
        archive = ["git", "archive", "HEAD"]
        packed = subprocess.run(archive, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x"], cwd=context, input=packed, check=True)
        file, ignored = context / DOCKERFILE, context / f"{DOCKERFILE}.dockerignore"
        given = ["--file", str(file), "--ignorefile", str(ignored), "--tag", IMAGE]
        self.ask("build", "--pull-never", "--format", "docker", *given, str(context))

    @contextmanager
    def served(self, container: str, port: int) -> Iterator[Path]:
        """Its own command, on another port: its log. Without a database it is just alive."""
        settings = {
            "ALLOWED_HOSTS": "localhost",
            "SITE_URL": "https://localhost",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "EMAIL_URL": "smtp://127.0.0.1:1",
            "DEFAULT_FROM_EMAIL": "billing@localhost",
            "STRIPE_SECRET_KEY": "sk_test_" + "0" * 24,
            "STRIPE_WEBHOOK_SECRET": "whsec_" + "0" * 24,
        }
        given = [f"--env={name}={value}" for name, value in settings.items()]
        started = [*self.facts()["Cmd"][:-1], f"127.0.0.1:{port}"]
        log = self.folder / "log"
        with log.open("w") as written:
            command = self.command("run", *given, container, "--", *started)
            process = subprocess.Popen(command, stdout=written, stderr=written)
        try:
            yield log
        finally:
            process.terminate()
            process.wait(30)

    def facts(self) -> dict:
        return json.loads(self.ask("inspect", "--type", "image", IMAGE))["Docker"]["config"]

    def size(self, name: str) -> str:
        """Unpacked, as buildah says it."""
        [image] = json.loads(self.ask("images", "--json", name))
        return image["size"]

    def does(self, container: str, *command: str) -> bool:
        asked = self.command("run", container, "--", *command)
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def check(image: Image) -> list[str]:
    """What is wrong with the image that was built; empty when it is as it should be."""
    facts, container = image.facts(), image.ask("from", "--pull-never", IMAGE)
    wrong = [f"{one} is in it" for one in LEFT_OUT if image.does(container, "test", "-e", one)]
    if facts["User"] != "billing" or image.does(container, "test", "-w", "manage.py"):
        wrong.append("its user may write to the code")
    _, *healthy = facts["Healthcheck"]["Test"]
    port = free_port()
    healthy = [part.replace(":8000/", f":{port}/") for part in healthy]
    if image.does(container, *healthy):
        wrong.append("it is called healthy before it runs")
    with image.served(container, port) as log:
        wait_until(
            lambda: image.does(container, *healthy),
            seconds=STARTS_WITHIN,
            what="the image's own health check is content",
        )
        wrong += [line for line in log.read_text().splitlines() if "[ERROR]" in line]
    return wrong


def main() -> int:
    if lacking := apart.lacking(PROGRAMS):
        print(lacking)
        return 2
    os.environ["BUILDAH_ISOLATION"] = "chroot"
    with tempfile.TemporaryDirectory() as folder:
        image = Image(Path(folder))
        for step in (image.make_debian, image.build):
            began = time.monotonic()
            step()
            print(
                f"{step.__name__.replace('_', ' ')}: {time.monotonic() - began:.0f} s", flush=True
            )
        print(f"size: {image.size(IMAGE)}, of these {image.size(DEBIAN)} Debian's", flush=True)
        wrong = check(image)
        for one in wrong:
            print(f"BROKEN: {one}")
        print("the image runs" if not wrong else "the image is not as it should be")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
