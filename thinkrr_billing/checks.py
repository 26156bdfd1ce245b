"""What `check --deploy --database default` says of the database's role. `migrate` does not ask: it
is run by the owner of the tables."""

from collections.abc import Sequence

from django.core.checks import Tags, Warning, register

from thinkrr_billing import database_role

# The first lines tell what is the matter.
MOST_TOLD = 3


@register(Tags.database, deploy=True)
def the_role_cannot_change_the_past(
    databases: Sequence[str] | None = None, **kwargs: object
) -> list[Warning]:
    """Warn when this connection may do more than the application needs, or less."""
    found = database_role.differences() if "default" in (databases or ()) else []
    if not found:
        return []
    told = ", ".join(found[:MOST_TOLD])
    more = f", and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    return [
        Warning(
            f"The role of DATABASE_URL {told}{more}.",
            hint="Let the application run as a role of its own: docs/deploy.md.",
            id="thinkrr_billing.W001",
        )
    ]
