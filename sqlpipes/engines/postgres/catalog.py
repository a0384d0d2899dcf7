"""What the server's catalogue is asked: relations, columns, and what stands on a relation."""

from __future__ import annotations

from sqlpipes.core.engine import RelationType
from sqlpipes.core.sql import Relation, literal
from sqlpipes.engines.postgres.names import quoted

KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}
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

# What a relation has beside its rows, as (what, name, value).
COMMENTS = """
select 'comment', '', coalesce(obj_description(c.oid, 'pg_class'), '')
from pg_class c where c.oid = {relation}
union all
select 'column', a.attname, coalesce(col_description(a.attrelid, a.attnum), '') from pg_attribute a
where a.attrelid = {relation} and a.attnum > 0 and not a.attisdropped
union all
select 'index', i.relname, '' from pg_index x join pg_class i on i.oid = x.indexrelid
where x.indrelid = {relation} and x.indisvalid
"""
RIGHTS = """
union all
select 'owner', pg_get_userbyid(c.relowner), '' from pg_class c where c.oid = {relation}
union all
select 'role', rolname, '' from pg_roles
union all
select 'grant', case grantee when 0 then 'public' else pg_get_userbyid(grantee) end,
  lower(privilege_type)
from pg_class c cross join lateral aclexplode(c.relacl) as acl
where c.oid = {relation} and acl.grantee <> c.relowner
"""

PARTITIONS = (
    "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
    "where i.inhparent = to_regclass({})"
)
# What is lost with a table and can be said again where its columns are still there: (statement, columns).
# A statement sorts after those that it needs: constraints, then indexes, then whatever else.
ON_COLUMNS = """
with t as (select {relation} as oid)
select said, needed from (
  select 1 as step, k.conname::text as name, 'alter table {table} add constraint '
    || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid) as said,
    array(select a.attname::text from pg_attribute a
      where a.attrelid = k.conrelid and a.attnum = any(k.conkey)) as needed
  from pg_constraint k join t on t.oid = k.conrelid where k.contype in ('p', 'u', 'x', 'c', 'f')
  union all
  select 2, i.indexrelid::regclass::text,
    replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '),
    array(select distinct a.attname::text from pg_depend d join pg_attribute a
      on a.attrelid = d.refobjid and a.attnum = d.refobjsubid where d.objid = i.indexrelid
      and d.classid = 'pg_class'::regclass and d.refobjid = i.indrelid)
  from pg_index i join t on t.oid = i.indrelid
  where not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid)
  union all
  select 3, a.attname::text, 'alter table {table} alter column ' || quote_ident(a.attname)
    || ' set not null', array[a.attname::text]
  from pg_attribute a join t on t.oid = a.attrelid
  where a.attnum > 0 and a.attnotnull and not a.attisdropped
  union all
  select 4, a.attname::text, 'alter table {table} alter column ' || quote_ident(a.attname)
    || ' set default ' || pg_get_expr(d.adbin, d.adrelid), array[a.attname::text]
  from pg_attrdef d join t on t.oid = d.adrelid
  join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum and a.attgenerated = ''
  union all
  select 5, a.attname::text, 'comment on column {table}.' || quote_ident(a.attname) || ' is '
    || quote_literal(col_description(a.attrelid, a.attnum)), array[a.attname::text]
  from pg_attribute a join t on t.oid = a.attrelid
  where a.attnum > 0 and col_description(a.attrelid, a.attnum) is not null
  union all
  select 6, a.attname::text, 'grant ' || privilege_type || ' (' || quote_ident(a.attname)
    || ') on {table} to '
    || case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
    array[a.attname::text]
  from pg_attribute a join t on t.oid = a.attrelid cross join lateral aclexplode(a.attacl)
  where not a.attisdropped
  union all
  select 7, g.tgname::text, pg_get_triggerdef(g.oid), array[]::text[]
  from pg_trigger g join t on t.oid = g.tgrelid where not g.tgisinternal
  union all
  select 8, p.polname::text, 'create policy ' || quote_ident(p.polname) || ' on {table} as '
    || case when p.polpermissive then 'permissive' else 'restrictive' end || ' for '
    || case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
      when 'd' then 'delete' else 'all' end || ' to '
    || (select string_agg(case r when 0 then 'public' else quote_ident(pg_get_userbyid(r)) end, ', ')
      from unnest(p.polroles) as r)
    || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
    || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''),
    array(select distinct a.attname::text from pg_depend d join pg_attribute a
      on a.attrelid = d.refobjid and a.attnum = d.refobjsubid where d.objid = p.oid
      and d.classid = 'pg_policy'::regclass and d.refobjid = p.polrelid)
  from pg_policy p join t on t.oid = p.polrelid
  union all
  select 9, '', 'alter table {table} enable row level security', array[]::text[]
  from pg_class c join t on t.oid = c.oid where c.relrowsecurity
  union all
  select 9, 'f', 'alter table {table} force row level security', array[]::text[]
  from pg_class c join t on t.oid = c.oid where c.relforcerowsecurity
) as every order by step, name
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


def extras_sql(relation: Relation, *, grants: bool) -> str:
    """(what, name, value) of comments, columns and indexes; rights, owner and roles with `grants`."""
    sql = COMMENTS + RIGHTS if grants else COMMENTS
    return sql.format(relation=regclass(relation))


def below_sql(relation: Relation) -> str:
    return BELOW.format(relation=regclass(relation))


def keys_sql(relation: Relation) -> str:
    return KEYS.format(relation=regclass(relation))


def restore_sql(relation: Relation) -> str:
    table = quoted(relation).replace("'", "''")
    return RESTORE.format(relation=regclass(relation), table=table)


def type_of(relkind: str) -> RelationType:
    return RelationType.VIEW if relkind in ("v", "m") else RelationType.TABLE


def on_columns_sql(relation: Relation) -> str:
    """(statement, columns that it needs) of constraints, indexes, defaults, triggers, policies ..."""
    table = quoted(relation).replace("'", "''")
    return ON_COLUMNS.format(relation=regclass(relation), table=table)
