"""What squawk says of a migration's statements, in our words: which lock tables for long, and
which yesterday's code cannot live with."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SQUAWK = Path(sys.executable).parent / "squawk"
# The oldest that we run on.
POSTGRESQL = "15"

_INDEX = "Use AddIndexConcurrently or RemoveIndexConcurrently, in a migration with atomic = False."
_CONSTRAINT = (
    "Add it NOT VALID (AddConstraintNotValid), and ValidateConstraint in the migration after."
)
_CONTRACT = (
    "Expand, migrate, contract: this release stops using it, the next one removes it, with the "
    "reason in `allowed`."
)
_COPY = "Add a second column, fill both, read the new one, and remove the old one a release later."

# squawk's name of what it found, and what to do instead. What else it says is taste.
INSTEAD = {
    "require-concurrent-index-creation": f"Writers wait until the index is built. {_INDEX}",
    "require-concurrent-index-deletion": f"Everybody waits for the lock. {_INDEX}",
    "require-concurrent-reindex": f"Writers wait until the index is built. {_INDEX}",
    "ban-concurrent-index-creation-in-transaction": "CONCURRENTLY works outside of transactions "
    "only: give the migration atomic = False.",
    "constraint-missing-not-valid": f"Every row is read under the lock. {_CONSTRAINT}",
    "disallowed-unique-constraint": "Writers wait until its index is built. Make a unique index "
    "CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX.",
    "adding-foreign-key-constraint": "Both tables are locked while every row is looked up. Give "
    "the field db_constraint=False; add the constraint NOT VALID by RunSQL, and VALIDATE it in "
    "the migration after.",
    "adding-not-nullable-field": "Every row is read under the lock. Add CHECK (… IS NOT NULL) NOT "
    "VALID and VALIDATE it; SET NOT NULL in the migration after needs no look, and is `allowed`.",
    "adding-required-field": "Yesterday's code writes rows without it. Give the field a "
    "db_default, or null=True until no release is left that does not fill it.",
    "ban-drop-default": "Yesterday's code writes rows without it: give the field a db_default.",
    "adding-field-with-default": "Every row is written anew under the lock. Add the column "
    "with null=True, let the code fill new rows, and fill old ones in batches.",
    "adding-serial-primary-key-field": f"Every row is written anew under the lock. {_COPY}",
    "changing-column-type": f"Every row may be written anew, and yesterday's code does not know "
    f"the type. {_COPY}",
    "ban-drop-column": f"Yesterday's code reads and writes it. {_CONTRACT}",
    "ban-drop-table": f"Yesterday's code reads and writes it. {_CONTRACT}",
    "ban-drop-constraint": f"Yesterday's code may count on it. {_CONTRACT}",
    "ban-drop-not-null": "Yesterday's code reads it and does not expect NULL. Let this release "
    "read it, and the next one write it, with the reason in `allowed`.",
    "renaming-column": f"Yesterday's code knows the old name. Keep it (db_column), or: {_COPY}",
    "renaming-table": "Yesterday's code knows the old name. Keep it (Meta.db_table).",
    "require-lock-timeout": "Outside of a transaction nothing ends the wait for the lock, and "
    "everybody waits behind it. Put it into a migration of its own without atomic = False.",
    "renaming-object": "Yesterday's code may know the old name. Keep it.",
    "ban-set-schema": "Yesterday's code looks for it where it was.",
    "ban-drop-view": f"Yesterday's code may read it. {_CONTRACT}",
    "ban-drop-function": f"Yesterday's triggers and code may call it. {_CONTRACT}",
    "ban-alter-domain-with-add-constraint": "Every row of every table that uses it is read under "
    "the lock. Make it a constraint of the table.",
    "require-concurrent-partition-detach": "Everybody waits for the lock. DETACH it CONCURRENTLY, "
    "in a migration with atomic = False.",
    "syntax-error": "PostgreSQL would not understand it.",
}

# As `migrate` does in each transaction.
_MIGRATE = "SET lock_timeout = '5s';"


def problems(statements: list[str], *, atomic: bool) -> Iterator[tuple[str, str]]:
    """Kind and sentence of what the statements of one migration must not do."""
    if atomic:
        yield from _of_squawk("\n".join([_MIGRATE, *statements]), "--assume-in-transaction")
    else:
        for statement in statements:
            yield from _of_squawk(statement)


def _of_squawk(text: str, *options: str) -> Iterator[tuple[str, str]]:
    command = [SQUAWK, "--reporter", "json", "--pg-version", POSTGRESQL, *options]
    told = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    # 1 when it found something. Anything else would be silence taken for praise.
    if told.returncode not in (0, 1) or not told.stdout.strip():
        raise RuntimeError(f"squawk does not work: {told.stderr.strip() or told.returncode}")
    for one in json.loads(told.stdout):
        kind = one["rule_name"]
        # Under this lock everybody reads and writes on: it may be waited for.
        if kind in INSTEAD and "SHARE UPDATE EXCLUSIVE" not in one["message"]:
            yield kind, INSTEAD[kind]
