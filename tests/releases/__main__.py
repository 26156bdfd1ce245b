"""`python -m tests.releases`: 1 when a migration since the last release locks a large table for
long, or breaks the code of that release. What a migration allows itself is shown with its reason.
"""

import os
import sys

import django


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    django.setup()
    from django.db.migrations.loader import MigrationLoader

    from tests.releases import migrations

    loader = MigrationLoader(None)
    failed = False
    for migration in migrations.since_the_release(loader):
        before = loader.project_state((migration.app_label, migration.name), at_end=False)
        refused, shown = migrations.problems(migration, before)
        failed = failed or bool(refused)
        for line in refused + shown:
            print(line)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
