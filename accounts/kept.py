"""What becomes of a table's rows. A model says it as `rows`; who says nothing keeps every row.

The application's database role may do no more than this (`thinkrr_billing.database_role`)."""

from enum import Enum


class Rows(Enum):
    """Each with what the application may do to such a table."""

    MIGRATED = ("SELECT",)
    WRITTEN_ONCE = ("SELECT", "INSERT")
    NEVER_DELETED = ("SELECT", "INSERT", "UPDATE")
    MAY_GO = ("SELECT", "INSERT", "UPDATE", "DELETE")
