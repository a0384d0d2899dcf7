"""Write a synthetic project that really builds: the same DAG and SQL for each of several tools.

    python benchmarks/generate.py FOLDER [--models 1000] [--rows 200] [--seed 7]

makes FOLDER/plain (SQL files and dag.json), /dbt, /sqlmesh, /dagster and /sqlpipes. The same arguments give
the same bytes on every machine. Only the standard library is needed; the SQL is DuckDB's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from random import Random

from warehouse import LAYERS, REGIONS, SEEDS, Model, Source, Warehouse, make_warehouse

FIRST, DAYS = date(2024, 1, 1), 60
SEED_TYPES = {
    "ref_region": "region varchar, region_name varchar, region_rank int",
    "ref_calendar": "event_date date, week_start date",
}
Spell = Callable[[str], str]


def write_all(folder: Path, warehouse: Warehouse, rows: int, seed: int) -> None:
    """Every flavour, each complete in a folder of its own."""
    for flavour, write in FLAVOURS.items():
        write_data(folder / flavour, warehouse, rows, seed)
        write(folder / flavour, warehouse)


def write_data(folder: Path, warehouse: Warehouse, rows: int, seed: int) -> None:
    """What the flavours share: raw data with the script that loads it, and seeds."""
    load = ["create schema if not exists raw;"]
    for source in warehouse.sources:
        write_text(folder / f"data/{source.name}.csv", raw_csv(source, rows, seed))
        load.append(
            f"create or replace table raw.{source.name} as select * from read_csv("
            f"'data/{source.name}.csv', header = true, columns = {source.types});"
        )
    write_text(folder / "load_raw.sql", "\n".join(load) + "\n")
    regions = [f"{name},{name.upper()},{i}" for i, name in enumerate(REGIONS, 1)]
    write_text(folder / "seeds/ref_region.csv", csv("region,region_name,region_rank", regions))
    write_text(folder / "seeds/ref_calendar.csv", csv("event_date,week_start", calendar()))


def calendar() -> list[str]:
    days = [date.fromordinal(FIRST.toordinal() + i) for i in range(DAYS)]
    return [f"{day},{date.fromordinal(day.toordinal() - day.weekday())}" for day in days]


def raw_csv(source: Source, rows: int, seed: int) -> str:
    """Rows of 60 days, a few of them sent twice and a few deleted."""
    random = Random(f"rows {seed} {source.name}")
    found = []
    for i in range(1, rows + 1):
        at = datetime.fromordinal(FIRST.toordinal() + random.randrange(DAYS))
        at = at.replace(hour=random.randrange(24), minute=i % 60, second=i // 60 % 60)
        said: list[object] = [i if random.random() > 0.04 else random.randint(1, i)]
        said += [random.randint(1, max(4, rows // 4)), at, at, random.choice(REGIONS)]
        said += [f"{name}_{random.randint(1, 4)}" for name in source.dimensions]
        said += [f"{random.randint(0, 100_000) / 100:.2f}" for _ in source.measures]
        said.append("true" if random.random() < 0.03 else "false")
        found.append(",".join(map(str, said)))
    return csv(",".join(source.types), found)


def csv(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def write_plain(folder: Path, warehouse: Warehouse) -> None:
    """SELECTs with ordinary table names; dag.json says what else is to be known."""
    spell = table_names(warehouse)
    models = {}
    for model in warehouse.models:
        path = f"models/{model.layer}/{model.name}.sql"
        write_text(folder / path, query_of(model, spell))
        models[spell(model.name)] = {
            "file": path,
            "kind": model.kind,
            "depends_on": [spell(name) for name in model.inputs],
            "checks": model.checks,
        }
    seeds = [spell(name) for name in SEEDS]
    write_text(folder / "dag.json", json.dumps({"seeds": seeds, "models": models}, indent=1) + "\n")


def write_sqlpipes(folder: Path, warehouse: Warehouse) -> None:
    """The same SELECTs with their metadata in the leading comment."""
    spell = table_names(warehouse)
    layers = [f"  models/{layer}: {{schema: {layer}}}" for layer, _ in LAYERS]
    project = ["name: bench", "dialect: duckdb", "defaults:", *layers, "  seeds: {schema: ref}"]
    write_lines(folder / "sqlpipes.yml", project)
    write_profile(folder)
    tables = [
        line
        for source in warehouse.sources
        for line in (
            f"      - name: {source.name}",
            "        columns:",
            *(f"          - {{name: {n}, type: {t}}}" for n, t in source.types.items()),
        )
    ]
    head = ["sources:", "  - name: raw", "    schema: raw", "    tables:"]
    write_lines(folder / "models/sources.yml", head + tables)
    for model in warehouse.models:
        text = "\n".join(front_matter(model)) + "\n" + query_of(model, spell)
        write_text(folder / f"models/{model.layer}/{model.name}.sql", text)


def front_matter(model: Model) -> list[str]:
    said = ["/*", "---"]
    if model.description:
        said.append(f"description: {model.description}")
    said.append(f"materialized: {'view' if model.kind == 'view' else 'table'}")
    if model.kind == "slices":
        last = date.fromordinal(FIRST.toordinal() + DAYS)
        said.append(f"partition: {{by: day, column: event_date, start: {FIRST}, end: {last}}}")
    if model.checks:
        said += ["checks:", *(f"  - {kind}: {column}" for kind, column in model.checks)]
    return [*said, "---", "*/"]


def write_dbt(folder: Path, warehouse: Warehouse) -> None:
    """The same SELECTs with ref() and source(); slices are an incremental model."""
    raw = {source.name for source in warehouse.sources}
    layers = [f"    {layer}: {{+schema: {layer}}}" for layer, _ in LAYERS]
    head = ["name: bench", "version: '1.0'", "profile: bench", "model-paths: [models]"]
    head += ["models:", "  bench:", *layers, "seeds:", "  bench: {+schema: ref}"]
    write_lines(folder / "dbt_project.yml", head)
    write_profile(folder)
    macro = (
        "{% macro generate_schema_name(name, node) -%}{{ name or target.schema }}{%- endmacro %}"
    )
    write_text(folder / "macros/generate_schema_name.sql", macro + "\n")
    tables = [f"      - name: {name}" for name in sorted(raw)]
    source = ["version: 2", "sources:", "  - name: raw", "    schema: raw", "    tables:"]
    write_lines(folder / "models/sources.yml", source + tables)

    def spell(name: str) -> str:
        return f"{{{{ source('raw', '{name}') }}}}" if name in raw else f"{{{{ ref('{name}') }}}}"

    for model in warehouse.models:
        text = dbt_config(model) + query_of(model, spell)
        write_text(folder / f"models/{model.layer}/{model.name}.sql", text)
    for layer, _ in LAYERS:
        described = [m for m in warehouse.models if m.layer == layer and m.description]
        lines = [line for model in described for line in dbt_properties(model)]
        write_lines(folder / f"models/{layer}/_{layer}.yml", ["version: 2", "models:", *lines])


def dbt_config(model: Model) -> str:
    if model.kind != "slices":
        return f"{{{{ config(materialized='{model.kind}') }}}}\n\n"
    how = "incremental_strategy='delete+insert', unique_key=['account_id', 'event_date']"
    return f"{{{{ config(materialized='incremental', {how}) }}}}\n\n"


def dbt_properties(model: Model) -> list[str]:
    lines = [f"  - name: {model.name}", f"    description: {model.description}"]
    columns = list(dict.fromkeys(column for _, column in model.checks))
    lines += ["    columns:"] if columns else []
    for column in columns:
        kinds = ", ".join(kind for kind, of in model.checks if of == column)
        lines += [f"      - name: {column}", f"        data_tests: [{kinds}]"]
    return lines


def write_sqlmesh(folder: Path, warehouse: Warehouse) -> None:
    """The same SELECTs below MODEL headers; slices are incremental by time range."""
    spell = table_names(warehouse)
    config = ["gateways:", "  local:", "    connection:", "      type: duckdb"]
    config += ["      database: warehouse.duckdb", "    state_connection:", "      type: duckdb"]
    config += ["      database: state.duckdb", "default_gateway: local", "model_defaults:"]
    config += ["  dialect: duckdb", f"  start: '{FIRST}'", "disable_anonymized_analytics: true"]
    write_lines(folder / "config.yaml", config)
    raw = [
        line
        for source in warehouse.sources
        for line in (
            f"- name: raw.{source.name}",
            "  columns:",
            *(f"    {name}: {kind}" for name, kind in source.types.items()),
        )
    ]
    write_lines(folder / "external_models.yaml", raw)
    for name, columns in SEED_TYPES.items():
        kind = f"kind SEED (path '$root/seeds/{name}.csv'), columns ({columns})"
        write_text(folder / f"models/ref/{name}.sql", f"MODEL (name ref.{name}, {kind});\n")
    for model in warehouse.models:
        text = sqlmesh_head(model, spell(model.name)) + query_of(model, spell).rstrip("\n")
        if model.kind == "slices":
            text = text.replace(");\n\n", ");\n\nselect * from (\n", 1)
            text += "\n) as q\nwhere event_date between @start_date and @end_date"
        write_text(folder / f"models/{model.layer}/{model.name}.sql", text + "\n")


def sqlmesh_head(model: Model, name: str) -> str:
    kinds = {"view": "VIEW", "table": "FULL"}
    sliced = "INCREMENTAL_BY_TIME_RANGE (time_column event_date)"
    said = [f"name {name}", f"kind {kinds.get(model.kind, sliced)}"]
    if model.description:
        said.append(f"description '{model.description}'")
    audits = []
    for kind, audit in (("not_null", "not_null"), ("unique", "unique_values")):
        columns = ", ".join(column for of, column in model.checks if of == kind)
        audits += [f"{audit}(columns := ({columns}))"] if columns else []
    said += [f"audits ({', '.join(audits)})"] if audits else []
    return "MODEL (\n  " + ",\n  ".join(said) + "\n);\n\n"


def write_dagster(folder: Path, warehouse: Warehouse) -> None:
    """The plain project, and a module that makes an asset of each of its files."""
    write_plain(folder, warehouse)
    write_text(folder / "definitions.py", DAGSTER)


DAGSTER = """import json
from pathlib import Path

import duckdb
from dagster import AssetKey, Definitions, asset, in_process_executor

DAG = json.loads(Path("dag.json").read_text())


def run(sql):
    with duckdb.connect("warehouse.duckdb") as db:
        db.execute("create schema if not exists " + sql.split(".")[0].split()[-1])
        db.execute(sql)


def seed(name):
    @asset(key=AssetKey(name.split(".")))
    def made():
        run(f"create or replace table {name} as from 'seeds/{name.split('.')[1]}.csv'")

    return made


def model(name, said):
    kind = "view" if said["kind"] == "view" else "table"

    @asset(key=AssetKey(name.split(".")), deps=[AssetKey(n.split(".")) for n in said["depends_on"]])
    def made():
        run(f"create or replace {kind} {name} as " + Path(said["file"]).read_text())

    return made


defs = Definitions(
    assets=[*map(seed, DAG["seeds"]), *(model(*each) for each in DAG["models"].items())],
    executor=in_process_executor,  # by default each step is a process: hours
)
"""


def table_names(warehouse: Warehouse) -> Spell:
    schemas = {source.name: "raw" for source in warehouse.sources} | dict.fromkeys(SEEDS, "ref")
    schemas |= {model.name: model.layer for model in warehouse.models}
    return lambda name: f"{schemas[name]}.{name}"


def query_of(model: Model, spell: Spell) -> str:
    return model.query.format_map({name: spell(name) for name in model.inputs})


def write_profile(folder: Path) -> None:
    output = "    dev: {type: duckdb, path: warehouse.duckdb, schema: main, threads: 2}"
    write_lines(folder / "profiles.yml", ["bench:", "  target: dev", "  outputs:", output])


def write_lines(path: Path, lines: list[str]) -> None:
    write_text(path, "\n".join(lines) + "\n")


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


FLAVOURS = {
    "plain": write_plain,
    "sqlpipes": write_sqlpipes,
    "dbt": write_dbt,
    "sqlmesh": write_sqlmesh,
    "dagster": write_dagster,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=200, help="of each raw table")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    write_all(asked.folder, make_warehouse(asked.models, asked.seed), asked.rows, asked.seed)


if __name__ == "__main__":
    main()
