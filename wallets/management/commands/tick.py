"""One beat by hand: what beat sends each minute, done here and now."""

from celery import current_app
from django.core.management.base import BaseCommand, CommandError

from accounts.cells import directory
from accounts.runtime import reachable


class Command(BaseCommand):
    help = (
        "Run every task whose name ends in .tick once. What they find goes to the workers. "
        "Exit 1 when a cell failed; the others are done."
    )

    def handle(self, *args: object, **options: object) -> None:
        current_app.loader.import_default_modules()
        lines = []
        for name in sorted(current_app.tasks):
            if name.endswith(".tick"):
                told = reachable.in_each(
                    directory.places(), lambda _, task=name: current_app.tasks[task]()
                )
                _, failed = reachable.told_apart(told)
                lines += [f"{name}: {line}" for line in failed]
                self.stdout.write(name)
        if lines:
            raise CommandError("\n".join(lines))
