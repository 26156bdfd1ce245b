"""One beat by hand: what beat sends each minute, done here and now."""

from celery import current_app
from django.core.management.base import BaseCommand

from accounts.cells import directory


class Command(BaseCommand):
    help = "Run every task whose name ends in .tick once. What they find goes to the workers."

    def handle(self, *args: object, **options: object) -> None:
        current_app.loader.import_default_modules()
        for name in sorted(current_app.tasks):
            if name.endswith(".tick"):
                directory.everywhere(lambda _, task=name: current_app.tasks[task]())
                self.stdout.write(name)
