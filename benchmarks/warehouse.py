"""A synthetic warehouse: sources, and models in four layers with their SQL. A number in, values out.

The same arguments give the same models on every machine. In a query, `{input}` stands for the name
of an input: each flavour spells it in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

SYSTEMS = ("ads", "billing", "crm", "erp", "ops", "shop", "support", "web")
ENTITIES = (
    *("booking", "call", "cart", "claim", "contract", "coupon_use", "delivery", "email_send"),
    *("invoice", "lead", "login", "order", "page_view", "payment", "refund", "review", "session"),
    *("shipment", "stock_move", "subscription", "ticket", "trip", "usage_record", "visit"),
)
MEASURES = (
    *("amount", "cost", "credit", "discount", "distance_km", "duration_s", "fee", "quantity"),
    *("retries", "score", "tax", "weight_kg"),
)
DIMENSIONS = ("channel", "country_code", "device", "plan", "status", "tier")
REGIONS = ("emea", "amer", "apac", "latam")
SEEDS = {"ref_region": "region", "ref_calendar": "event_date"}  # name -> key
LAYERS = (("staging", 0.28), ("intermediate", 0.34), ("core", 0.20), ("marts", 0.18))
GRAIN = ("account_id", "event_date")


@dataclass(frozen=True, slots=True)
class Source:
    """A raw table: id, account_ref, created_at, updated_at, region, then these, then is_deleted."""

    name: str
    entity: str
    measures: tuple[str, ...]
    dimensions: tuple[str, ...]

    @property
    def types(self) -> dict[str, str]:
        found = {"id": "bigint", "account_ref": "bigint", "created_at": "timestamp"}
        found |= {"updated_at": "timestamp", "region": "varchar"}
        found |= dict.fromkeys(self.dimensions, "varchar") | dict.fromkeys(self.measures, "double")
        return found | {"is_deleted": "boolean"}


@dataclass(frozen=True, slots=True)
class Model:
    """One SELECT. `kind`: view, table, or slices (a table cut into days by event_date)."""

    name: str
    layer: str
    kind: str
    entity: str
    grain: tuple[str, ...]
    measures: tuple[str, ...]
    query: str
    inputs: tuple[str, ...]
    checks: tuple[tuple[str, str], ...] = ()  # (type, column)
    description: str = ""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Sources and models, inputs first."""

    sources: tuple[Source, ...]
    models: tuple[Model, ...]


def make_warehouse(models: int, seed: int = 7) -> Warehouse:
    """`models` must be at least 10."""
    random = Random(f"warehouse {seed} {models}")
    sources = tuple(_sources(random, max(3, min(120, models * 8 // 100))))
    counts = {layer: round(models * share) for layer, share in LAYERS}
    counts["intermediate"] += models - sum(counts.values())
    staging = [_staging(random, sources, i) for i in range(counts["staging"])]
    middle: list[Model] = []
    for i in range(counts["intermediate"]):
        tables = [model for model in middle if model.kind == "table"]
        kind = "view" if random.random() < 0.3 else "table"
        pool = staging if kind == "view" else staging + tables[-60:] * 2
        middle.append(_joined(random, "intermediate", f"int_{i + 1:04d}", kind, pool))
    core = [_core(random, i, middle) for i in range(counts["core"])]
    facts = [model for model in core if model.grain == GRAIN]
    marts = [_mart(random, i, facts) for i in range(counts["marts"])]
    found = (_annotated(random, model) for model in (*staging, *middle, *core, *marts))
    return Warehouse(sources, tuple(found))


def _sources(random: Random, count: int) -> Iterator[Source]:
    pairs = [(system, entity) for entity in ENTITIES for system in SYSTEMS]
    for system, entity in sorted(random.sample(pairs, count)):
        measures = tuple(sorted(random.sample(MEASURES, random.randint(4, 8))))
        dimensions = tuple(sorted(random.sample(DIMENSIONS, random.randint(2, 4))))
        yield Source(f"{system}_{entity}", entity, measures, dimensions)


def _staging(random: Random, sources: Sequence[Source], index: int) -> Model:
    """Renamed, typed, the newest version of each row; later copies keep fewer rows."""
    source, copy = sources[index % len(sources)], index // len(sources)
    key = f"{source.entity}_id"
    columns = [key, *GRAIN, "region", *source.dimensions, *source.measures]
    cleaned = [f"coalesce({name}, 'unknown') as {name}," for name in source.dimensions]
    cleaned += [f"coalesce(cast({name} as double), 0) as {name}," for name in source.measures]
    more = f"\n    and {source.measures[0]} >= {copy}" if copy else ""
    query = f"""with source as (
    select * from {{{source.name}}}
),

renamed as (
    select
        cast(id as bigint) as {key},
        cast(account_ref as bigint) as account_id,
        cast(created_at as date) as event_date,
        cast(updated_at as timestamp) as updated_at,
        lower(trim(region)) as region,
        {_lines(cleaned, 8)}
        coalesce(is_deleted, false) as is_deleted
    from source
),

ranked as (
    select
        *,
        row_number() over (partition by {key} order by updated_at desc) as version_rank
    from renamed
)

select
    {_lines(columns, 4, ",")}
from ranked
where
    version_rank = 1
    and not is_deleted{more}
"""
    name = f"stg_{source.name}" + (f"_v{copy + 1}" if copy else "")
    return Model(
        name, "staging", "view", source.entity, (key,), source.measures, query, (source.name,)
    )


def _core(random: Random, index: int, pool: Sequence[Model]) -> Model:
    if index % 4 == 3:
        return _dimension(random, index, pool)
    kind = "slices" if index == 0 or random.random() < 0.4 else "table"
    return _joined(random, "core", f"fct_{index + 1:04d}", kind, pool)


def _joined(random: Random, layer: str, stem: str, kind: str, pool: Sequence[Model]) -> Model:
    """One to four inputs, each brought to account and day, joined, with two window functions."""
    inputs = _some(random, pool)
    ctes, columns = _aggregates(random, inputs, GRAIN)
    first = next(iter(columns))
    picked = [f"{cte}.{name}" for cte, names in columns.items() for name in names]
    measures = [name for names in columns.values() for name in names]
    joins = [
        f"left join {cte}\n        on {first}.account_id = {cte}.account_id"
        f"\n        and {first}.event_date = {cte}.event_date"
        for cte in list(columns)[1:]
    ]
    query = f"""with {ctes},

joined as (
    select
        {first}.account_id,
        {first}.event_date,
        {first}.region,
        {_lines([f"coalesce({name}, 0) as {name.split('.')[1]}" for name in picked], 8, ",")}
    from {first}
    {_lines(joins, 4)}
)

select
    joined.*,
    row_number() over (
        partition by event_date order by {measures[-1]} desc, account_id
    ) as day_rank,
    case when {measures[0]} > 0 then round({measures[-1]} / {measures[0]}, 4) else 0 end as ratio
from joined
"""
    entity = inputs[0].entity
    prefix, number = stem.split("_")
    names = tuple(model.name for model in inputs)
    return Model(
        f"{prefix}_{entity}_{number}", layer, kind, entity, GRAIN, tuple(measures), query, names
    )


def _dimension(random: Random, index: int, pool: Sequence[Model]) -> Model:
    base = random.choice(pool)
    kept = base.measures[:3]
    query = f"""with base as (
    select * from {{{base.name}}}
),

latest as (
    select
        account_id,
        region,
        {_lines(kept, 8, ",")},
        row_number() over (partition by account_id order by event_date desc) as recency
    from base
),

history as (
    select
        account_id,
        min(event_date) as first_seen,
        max(event_date) as last_seen,
        count(distinct event_date) as active_days
    from base
    group by account_id
)

select
    latest.account_id,
    latest.region,
    regions.region_name,
    history.first_seen,
    history.last_seen,
    history.active_days,
    {_lines([f"latest.{name}" for name in kept], 4, ",")},
    date_diff('day', history.first_seen, history.last_seen) as tenure_days,
    case when history.active_days >= 10 then 'frequent' else 'rare' end as activity
from latest
inner join history on latest.account_id = history.account_id
left join {{ref_region}} as regions on latest.region = regions.region
where latest.recency = 1
"""
    name = f"dim_account_{base.entity}_{index + 1:04d}"
    inputs = (base.name, "ref_region")
    return Model(name, "core", "table", base.entity, ("account_id",), kept, query, inputs)


def _mart(random: Random, index: int, pool: Sequence[Model]) -> Model:
    """One to four facts, each brought to day and region."""
    inputs = _some(random, pool)
    ctes, columns = _aggregates(random, inputs, ("event_date", "region"))
    first = next(iter(columns))
    picked = [f"{cte}.{name}" for cte, names in columns.items() for name in names]
    joins = [
        f"left join {cte} on {first}.event_date = {cte}.event_date and {first}.region = {cte}.region"
        for cte in list(columns)[1:]
    ]
    query = f"""with {ctes}

select
    {first}.event_date,
    {first}.region,
    {_lines(picked, 4, ",")},
    calendar.week_start,
    sum({picked[0]}) over (
        partition by {first}.region order by {first}.event_date
        rows between 6 preceding and current row
    ) as rows_7d
from {first}
{_lines([*joins, f"left join {{ref_calendar}} as calendar on {first}.event_date = calendar.event_date"], 0)}
"""
    name = f"mart_{inputs[0].entity}_{index + 1:04d}"
    names = (*(model.name for model in inputs), "ref_calendar")
    grain = ("event_date", "region")
    return Model(name, "marts", "table", inputs[0].entity, grain, (), query, names)


def _some(random: Random, pool: Sequence[Model]) -> list[Model]:
    count = random.choices([1, 2, 3, 4], [20, 45, 25, 10])[0]
    by_name = {model.name: model for model in random.sample(pool, min(len(pool), 3 * count))}
    return list(by_name.values())[:count]


def _aggregates(
    random: Random, inputs: Sequence[Model], keys: Sequence[str]
) -> tuple[str, dict[str, list[str]]]:
    """A CTE for each input, grouped by `keys`; and CTE -> the measures that it yields."""
    texts: list[str] = []
    columns: dict[str, list[str]] = {}
    wanted = {1: 5, 2: 3}.get(len(inputs), 2)
    for i, model in enumerate(inputs, 1):
        cte = f"{model.entity}_{i}"
        columns[cte] = [f"rows_{i}"]
        selected = [*keys, *([] if "region" in keys else ["max(region) as region"])]
        selected.append(f"count(*) as rows_{i}")
        for measure in random.sample(model.measures, min(len(model.measures), wanted)):
            name = f"{measure.split('_of_')[0]}_of_{i}"
            if name not in columns[cte]:
                selected.append(f"{random.choice(('sum', 'max', 'avg'))}({measure}) as {name}")
                columns[cte].append(name)
        texts.append(
            f"{cte} as (\n    select\n        {_lines(selected, 8, ',')}\n"
            f"    from {{{model.name}}}\n    where {keys[0]} is not null\n"
            f"    group by {', '.join(keys)}\n)"
        )
    return ",\n\n".join(texts), columns


def _annotated(random: Random, model: Model) -> Model:
    checks: list[tuple[str, str]] = []
    if random.random() < 0.35:
        checks = [("not_null", column) for column in model.grain]
        checks += [("unique", model.grain[0])] if len(model.grain) == 1 else []
    described = bool(checks) or random.random() < 0.5
    text = f"{model.layer} model about {model.entity}, one row per {' and '.join(model.grain)}"
    return Model(
        model.name,
        model.layer,
        model.kind,
        model.entity,
        model.grain,
        model.measures,
        model.query,
        model.inputs,
        tuple(checks),
        text if described else "",
    )


def _lines(lines: Sequence[str], indent: int, end: str = "") -> str:
    return (end + "\n" + " " * indent).join(lines)
