"""One beat by hand: what beat sends each minute, done here and now."""

from celery import current_app
from django.core.management.base import BaseCommand

from accounts.cells import directory, place


class Command(BaseCommand):
    help = "Run every task whose name ends in .tick once. What they find goes to the workers."

    def handle(self, *args: object, **options: object) -> None:
        current_app.loader.import_default_modules()
        for name in sorted(current_app.tasks):
            if name.endswith(".tick"):
                for cell in ("", *directory.names()):
                    with place.inside(cell):
                        current_app.tasks[name]()
                self.stdout.write(name)
