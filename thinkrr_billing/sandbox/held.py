"""Loads the application, and runs a module only when standard input has ended.

`python -m thinkrr_billing.sandbox.held celery -A …` is ready to work while the database is still
being prepared. The supervisor starts these, and a Gate ends their input."""

import os
import runpy
import sys


class Gate:
    """What held processes wait for. Start them with `stdin`, before it opens."""

    def __init__(self) -> None:
        self.stdin, self._ours = os.pipe()

    def open(self) -> None:
        os.close(self.stdin)
        os.close(self._ours)


def main(module: str) -> None:
    _load(module)
    sys.stdin.buffer.read()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _load(module: str) -> None:
    if "beat" in sys.argv:
        # It sends messages, and needs no app for that.
        import thinkrr_billing.beat

        return
    import django

    django.setup()
    if module == "gunicorn":
        # Its workers are forks, and have no more to load.
        import thinkrr_billing.wsgi  # noqa: F401


if __name__ == "__main__":
    del sys.argv[0]
    main(sys.argv[0])
