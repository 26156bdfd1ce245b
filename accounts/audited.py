"""SQL that makes the audit log note the changes of a table. For the migrations of every app."""


def watch(
    table: str, ignored: str = "", secret: str = "", account: str = "", *, columns: str = ""
) -> str:
    """Note inserts, deletes and updates (of `columns` only, if given) of this table.

    `ignored` columns alone are not worth a note, `secret` ones are not shown; both separated by
    commas. `account` is a query that finds the account by the row ($1, as jsonb) where the row
    has no account_id.
    """
    of = f" OF {columns}" if columns else ""
    found = account.replace("'", "''")
    return f"""
CREATE TRIGGER {table}_audited AFTER INSERT OR DELETE OR UPDATE{of} ON {table}
    FOR EACH ROW EXECUTE FUNCTION accounts_audit('{ignored}', '{secret}', '{found}');
CREATE TRIGGER {table}_emptied AFTER TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit('', '', '');
"""


def unwatch(table: str) -> str:
    return f"DROP TRIGGER {table}_audited ON {table}; DROP TRIGGER {table}_emptied ON {table};"
