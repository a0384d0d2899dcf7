"""What the server's catalogue is asked: relations, columns, and what stands on a relation."""

from __future__ import annotations

from sqlpipes.core.engine import RelationType
from sqlpipes.core.sql import Relation, literal
from sqlpipes.engines.postgres.names import quoted

KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}
READABLE = "c.relkind in ('r', 'p', 'v', 'm', 'f')"
OURS = "n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'"
# A domain is what it is made of: so it is told of the columns of a query, too.
TYPE = (
    "case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) "
    "else format_type(a.atttypid, a.atttypmod) end"
)

RELATIONS = f"""
select n.nspname, c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
where {READABLE} and {OURS}
"""
COLUMNS = f"""
select n.nspname, c.relname, a.attname, {TYPE}
from pg_attribute a join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace join pg_type t on t.oid = a.atttypid
where a.attnum > 0 and not a.attisdropped and {READABLE} and {OURS}
order by n.nspname, c.relname, a.attnum
"""
# Views and whatever else is kept up by a rule or a constraint on it, at any depth, the farthest first.
BELOW = """
with recursive below(oid, depth) as (
  select {relation}, 0
  union all
  select found.oid, below.depth + 1 from below cross join lateral (
    select distinct r.ev_class as oid from pg_depend d join pg_rewrite r on r.oid = d.objid
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
    and d.refobjid = below.oid and r.ev_class <> below.oid
  ) as found where below.depth < 100
)
select n.nspname, c.relname, c.relkind, c.oid from (
  select oid, max(depth) as depth from below where depth > 0 group by oid
) as b join pg_class c on c.oid = b.oid join pg_namespace n on n.oid = c.relnamespace
order by b.depth desc, n.nspname, c.relname
"""
KEYS = """
select n.nspname, c.relname, k.conname from pg_constraint k
join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = {relation} and k.conrelid <> k.confrelid
order by 1, 2, 3
"""
# What is lost with a relation and can be said again of the one that takes its place.
RESTORE = """
select 1, 'alter ' || case c.relkind when 'v' then 'view' else 'table' end || ' {table} owner to '
  || quote_ident(pg_get_userbyid(c.relowner))
from pg_class c where c.oid = {relation} and pg_get_userbyid(c.relowner) <> current_user
union all
select 2, 'grant ' || privilege_type || ' on {table} to '
  || case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
  || case when is_grantable then ' with grant option' else '' end
from pg_class c cross join lateral aclexplode(c.relacl) as acl
where c.oid = {relation} and acl.grantee <> c.relowner
union all
select 3, 'comment on ' || case c.relkind when 'v' then 'view' else 'table' end || ' {table} is '
  || quote_literal(obj_description(c.oid, 'pg_class'))
from pg_class c where c.oid = {relation} and obj_description(c.oid, 'pg_class') is not null
order by 1, 2
"""


def regclass(relation: Relation) -> str:
    """The relation's oid in a query, NULL where there is none."""
    return f"to_regclass({literal(quoted(relation))})::oid"


def columns_sql(relation: Relation) -> str:
    return (
        f"select a.attname, {TYPE} from pg_attribute a join pg_type t on t.oid = a.atttypid "
        f"where a.attrelid = {regclass(relation)} and a.attnum > 0 and not a.attisdropped "
        "order by a.attnum"
    )


def kind_sql(relation: Relation) -> str:
    return f"select relkind from pg_class where oid = {regclass(relation)}"


def below_sql(relation: Relation) -> str:
    return BELOW.format(relation=regclass(relation))


def keys_sql(relation: Relation) -> str:
    return KEYS.format(relation=regclass(relation))


def restore_sql(relation: Relation) -> str:
    table = quoted(relation).replace("'", "''")
    return RESTORE.format(relation=regclass(relation), table=table)


def type_of(relkind: str) -> RelationType:
    return RelationType.VIEW if relkind in ("v", "m") else RelationType.TABLE


def index_sql(relation: Relation) -> str:
    """(definition, columns) of the indexes that no constraint keeps."""
    columns = (
        "select array_agg(distinct a.attname::text) from pg_depend d join pg_attribute a "
        "on a.attrelid = d.refobjid and a.attnum = d.refobjsubid where d.objid = i.indexrelid "
        "and d.classid = 'pg_class'::regclass and d.refobjid = i.indrelid"
    )
    return (
        f"select pg_get_indexdef(i.indexrelid), ({columns}) from pg_index i "
        f"where i.indrelid = {regclass(relation)} and not exists ("
        "select 1 from pg_constraint k where k.conindid = i.indexrelid) order by 1"
    )
