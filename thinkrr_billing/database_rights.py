"""Asks PostgreSQL how what a role may do differs from what it should. One query."""

from collections.abc import Iterable
from typing import Any

from accounts.kept import Rows

# What may be done to a table nobody has spoken of yet: a new one is filled, and keeps its past.
AT_FIRST = Rows.WRITTEN_ONCE.value

# Whoever the role may become counts, too. MAINTAIN is known from PostgreSQL 17 on.
_FACTS = """
WITH able AS (SELECT oid FROM pg_roles WHERE pg_has_role(%(role)s, oid, 'MEMBER')),
wanted AS (SELECT * FROM unnest(%(tables)s::text[], %(rights)s::text[]) AS w (name, what)),
known AS (
    SELECT what FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
                                  'TRIGGER', 'MAINTAIN']) AS k (what)
    WHERE what <> 'MAINTAIN' OR current_setting('server_version_num')::int >= 170000),
here AS (SELECT * FROM pg_class WHERE relnamespace = current_schema()::regnamespace),
sequences AS MATERIALIZED (SELECT * FROM here WHERE relkind = 'S'),
fresh AS (
    SELECT d.defaclrole AS owner, d.defaclobjtype AS kind, a.privilege_type AS what, a.grantee
    FROM pg_default_acl d CROSS JOIN aclexplode(d.defaclacl) a),
owners AS (SELECT DISTINCT relowner AS owner FROM here WHERE relkind IN ('r', 'p', 'S')),
first AS (
    SELECT 'r'::"char" AS kind, 'tables' AS named, unnest(%(at_first)s::text[]) AS what
    UNION ALL SELECT 'S', 'sequences', 'USAGE')
"""
_TABLES = """
SELECT 'may ' || k.what || ' ' || t.relname
FROM here t CROSS JOIN known k
WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT EXISTS (SELECT FROM wanted w WHERE w.name = t.relname AND w.what = k.what)
  AND EXISTS (SELECT FROM able a WHERE
      CASE WHEN k.what IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
           THEN has_any_column_privilege(a.oid, t.oid, k.what)
           ELSE has_table_privilege(a.oid, t.oid, k.what) END)
UNION ALL
SELECT 'may not ' || w.what || ' ' || w.name FROM wanted w
WHERE has_table_privilege(%(role)s, to_regclass(quote_ident(w.name)), w.what) IS NOT TRUE
"""
_SEQUENCES = """
SELECT 'may set the sequence ' || s.relname FROM sequences s
WHERE EXISTS (SELECT FROM able a WHERE has_sequence_privilege(a.oid, s.oid, 'UPDATE'))
UNION ALL
SELECT 'may not use the sequence ' || s.relname FROM sequences s
WHERE NOT has_sequence_privilege(%(role)s, s.oid, 'USAGE')
"""
_NEW_TABLES = """
SELECT 'may ' || f.what || ' new ' || CASE f.kind WHEN 'r' THEN 'tables' ELSE 'sequences' END
       || ' of ' || pg_get_userbyid(f.owner)
FROM fresh f
WHERE f.kind IN ('r', 'S') AND (f.grantee = 0 OR f.grantee IN (SELECT oid FROM able))
  AND f.owner NOT IN (SELECT oid FROM able)
  AND NOT EXISTS (SELECT FROM first g WHERE g.kind = f.kind AND g.what = f.what)
UNION ALL
SELECT 'may not ' || g.what || ' new ' || g.named || ' of ' || pg_get_userbyid(o.owner)
FROM owners o CROSS JOIN first g
WHERE NOT EXISTS (
    SELECT FROM fresh f WHERE f.owner = o.owner AND f.kind = g.kind AND f.what = g.what
      AND f.grantee = (SELECT oid FROM pg_roles WHERE rolname = %(role)s))
"""
_OWNED = """
SELECT 'owns ' || pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_shdepend d CROSS JOIN (
    SELECT oid FROM pg_database WHERE datname = current_database()) AS me (oid)
WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
  AND d.refobjid IN (SELECT oid FROM able)
  AND (d.dbid = me.oid OR (d.classid = 'pg_database'::regclass AND d.objid = me.oid))
"""
_ELSE = """
SELECT x.told FROM pg_roles r JOIN able USING (oid) CROSS JOIN LATERAL (VALUES
    (r.rolsuper, 'may become a superuser'), (r.rolcreaterole, 'may create roles'),
    (r.rolcreatedb, 'may create databases'), (r.rolreplication, 'may replicate'),
    (r.rolbypassrls, 'may pass by row security')) AS x (may, told)
WHERE x.may
UNION ALL
SELECT 'may create in the schema ' || n.nspname FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND EXISTS (SELECT FROM able a WHERE has_schema_privilege(a.oid, n.oid, 'CREATE'))
UNION ALL
SELECT x.told FROM able a CROSS JOIN LATERAL (VALUES
    (has_database_privilege(a.oid, current_database(), 'CREATE'), 'may create schemas'),
    (has_database_privilege(a.oid, current_database(), 'TEMPORARY'),
     'may create temporary tables'),
    (has_parameter_privilege(a.oid, 'session_replication_role', 'SET'),
     'may set session_replication_role')) AS x (may, told)
WHERE x.may
UNION ALL
SELECT x.told FROM (VALUES
    (has_database_privilege(%(role)s, current_database(), 'CONNECT'), 'may not connect'),
    (has_schema_privilege(%(role)s, current_schema(), 'USAGE'), 'may not use the schema')
    ) AS x (may, told)
WHERE NOT x.may
"""
_ALL = f"""{_FACTS}
SELECT DISTINCT told FROM (
{" UNION ALL ".join((_TABLES, _SEQUENCES, _NEW_TABLES, _OWNED, _ELSE))}
) AS all_of_it (told)
"""  # nosec B608 # constants of ours


def differences(cursor: Any, *, role: str, wanted: Iterable[tuple[str, str]]) -> list[str]:
    """What the role may beyond the rights `wanted`, as (table, right), and what it may not."""
    names, rights = zip(*wanted, strict=True)
    facts = {"role": role, "tables": list(names), "rights": list(rights)}
    cursor.execute(_ALL, facts | {"at_first": list(AT_FIRST)})
    return sorted(told for (told,) in cursor.fetchall())
