"""Names and values that somebody wrote to break us: tables hold what they should, nothing else is touched.

Every engine; one that comes later is tested by the fixture `place`.
"""

from __future__ import annotations

import json
import re
import tempfile
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli.projects import run, write
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from notyet import only
from places import Place

import sqlpipes
from sqlpipes.engines.postgres.names import folded

NOW = datetime(2024, 6, 1, tzinfo=UTC)
NASTY = (
    "'", '"', "''", '""', ";", "--", "/*", "*/", "\\", "\\'", "%s", "%", "%(x)s", ":name", "$1", "$$",
    "?", "{}", "{0}", "{this}", "select", "drop table main.canary", "'; drop table main.canary; --",
    '"; drop table main.canary; --', " ", "\t", "é", "e\u0301", "\u202e", "\u200b", "🦆", "ß", "İ",
    "`", "[", "]", ",", ".", "=", "&", "|", "#", "@", "a", "B", "null", "NaN", "\u2028", "\ufeff", "x" * 40,
)  # fmt: skip
PHASES = (Phase.explicit, Phase.generate)  # to build a project again and again takes long
PAIRS = re.compile(r"\\ud[89ab]..\\ud[c-f]..")  # YAML knows no halves of a letter
texts = st.lists(st.sampled_from(NASTY), min_size=1, max_size=5).map("".join)
LONGEST = 63  # bytes of a name; an asset's own stage is called sqlpipes_ and the name
HOSTILE_NAMES = (
    "a'; drop table main.canary; --",
    'we"ird',
    "select",
    " a b ",
    "é e\u0301",
    "🦆 %s :x $1",
)


def fits(name: str) -> str:
    """A name that every engine can hold: as it is written, but not too long, and not blank."""
    kept = name.encode()[:50].decode(errors="ignore").strip("\ufeff\u200b \t.")
    return kept if kept.strip() else "x"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def front(said: dict[str, object]) -> str:
    """JSON is YAML; what would end the comment that it stands in is spelt as JSON can spell it."""
    text = json.dumps(said).replace("*/", "*\\u002f").replace("{{", "{ {")
    text = PAIRS.sub(lambda found: json.loads(f'"{found[0]}"'), text)
    return f"/*\n---\n{text}\n---\n*/\n"


def project(root: Path, place: Place, column: str, alias: str, keys: list[str]) -> Path:
    """A seed of the hostile keys, and a table, slices, a merge, a snapshot, a view and Python on it."""
    rows = [{"id": i, column: key} for i, key in enumerate(keys)]
    seed = "\n".join(json.dumps(row) for row in rows) + "\n"
    name, checks = quoted(column), [
        {"not_null": [column]},
        {"unique": [column]},
        {"accepted_values": {"column": column, "values": keys}},
    ]  # fmt: skip
    select = f"select id, {name} from raw\n"
    partition = {"by": "values", "column": column, "values": keys}
    words: dict[str, object] = {
        "description": "".join(keys),
        "tags": keys[:1],
        "meta": {column: keys},
    }
    words["owner"] = "me@example.com"
    files = {
        "sqlpipes.yml": "name: shop\n",
        "seeds/raw.jsonl": seed,
        "models/sliced.sql": front({"partition": partition, "checks": checks, **words}) + select,
        "models/named.sql": front({"materialized": "table", "alias": alias}) + select,
        "models/reads.sql": f"select {name} as y, {literal(keys[0])} as v from {quoted(alias)}\n",
        "models/merged.sql": front({"materialized": "incremental", "unique_key": column}) + select,
        "models/history.sql": front(
            {
                "materialized": "snapshot",
                "unique_key": "id",
                "strategy": "check",
                "check_columns": [column],
            }
        )
        + select,
        "models/py.py": (
            "from sqlpipes import asset\n\n@asset\ndef copied(sliced: list):\n    return sliced\n"
        ),
    }
    write(root, files)
    place.prepare(root)
    return root


def build(root: Path) -> sqlpipes.Report:
    report = sqlpipes.build(sqlpipes.load(str(root), environ={}), clock=lambda: NOW)
    assert report.ok, [str(problem) for event in report.failed for problem in event.problems]
    return report


def plant(root: Path, place: Place) -> None:
    root.mkdir(exist_ok=True)
    place.sql(root, "create schema if not exists main", "create table main.canary as select 1 as x")


@pytest.mark.long
@settings(max_examples=3, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(column=texts.map(fits), alias=texts.map(fits), keys=st.lists(texts, min_size=1, max_size=4))
@example(
    "'", '"; drop table main.canary; --', ["'; drop table main.canary; --", "\\", "%s :x $1 ?"]
)
@example("B", "C", ["&"])
@example("select", "a'b", ["*/", "--", "/*", "{this}", "{0}"])
def test_hostile_names_and_values(place: Place, column: str, alias: str, keys: list[str]) -> None:
    hostile(place, column, alias, keys)


@pytest.mark.nightly
@settings(max_examples=150, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(column=texts.map(fits), alias=texts.map(fits), keys=st.lists(texts, min_size=1, max_size=6))
def test_many_hostile_names_and_values(
    place: Place, column: str, alias: str, keys: list[str]
) -> None:
    hostile(place, column, alias, keys)


def hostile(place: Place, column: str, alias: str, keys: list[str]) -> None:
    keys = list(dict.fromkeys(key.strip() or "k" for key in keys))
    column = folded(column)  # as a seed's is on Postgres where it needs no quotes
    if column.casefold() in ("id", "v", "y") or alias.casefold() in TAKEN:
        return
    if LIKE_A_FILE.search(alias):  # "x/*" after FROM is a file, also where a table is called so
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        place.empty()
        plant(root, place)
        project(root, place, column, alias, keys)
        build(root)
        wanted, name = sorted(keys), quoted(column)
        for table in ("sliced", quoted(alias), "merged", "history", "copied", "raw"):
            found = place.sql(root, f"select {name} from main.{table}")
            assert sorted(value for (value,) in found) == wanted, table
        shown = place.sql(root, "select y, v from main.reads")
        assert sorted(y for y, _ in shown) == wanted
        assert {v for _, v in shown} == {keys[0]}
        assert place.sql(root, "select x from main.canary") == [(1,)]
        assert not build(root).plan.steps
        told = run(root, "status", "sliced")
        assert told.exit_code == 0, told.output


LIKE_A_FILE = re.compile(r"[*?\[]|^[./~]|\.\w+$|://")
TAKEN = frozenset({"raw", "sliced", "named", "reads", "merged", "history", "copied", "canary"})


def test_keys_that_a_query_finds(place: Place, tmp_path: Path) -> None:
    keys = [text for text in NASTY if text.strip()] + ["{{ x }}", "{% if %}", "{#", "a\nb", "a\\nb"]
    plant(tmp_path, place)
    rows = "\n".join(json.dumps({"k": key, "v": i}) for i, key in enumerate(keys))
    files = {
        "sqlpipes.yml": "name: shop\n",
        "seeds/raw.jsonl": rows + "\n",
        "models/sliced.sql": (
            "/*\n---\npartition: {by: values, column: k, values_from: select distinct k from raw}\n---\n*/\n"
            "select k, v from raw\n"
        ),
        "models/told.sql": (
            "/*\n---\nmaterialized: table\n---\n*/\nselect k, count(*) as n from sliced group by k\n"
        ),
    }
    write(tmp_path, files)
    place.prepare(tmp_path)
    build(tmp_path)
    found = place.sql(tmp_path, "select k, v from main.sliced order by v")
    assert [key for key, _ in found] == keys
    assert place.sql(tmp_path, "select x from main.canary") == [(1,)]
    assert not build(tmp_path).plan.steps


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_files_of_hostile_names(place: Place, tmp_path: Path, name: str) -> None:
    plant(tmp_path, place)
    files = {
        "sqlpipes.yml": "name: shop\n",
        f"models/{name}.sql": front({"materialized": "table", "checks": [{"not_null": ["x"]}]})
        + "select 1 as x",
        "models/reads.sql": f"select x from {quoted(name)}\n",
    }
    write(tmp_path, files)
    place.prepare(tmp_path)
    build(tmp_path)
    assert place.sql(tmp_path, "select x from main.reads") == [(1,)]
    assert place.sql(tmp_path, f"select x from main.{quoted(name)}") == [(1,)]
    assert place.sql(tmp_path, "select x from main.canary") == [(1,)]
    for command in ("status", "ls --json", "lineage reads", "compile reads", "show reads"):
        told = run(tmp_path, *command.split())
        assert told.exit_code == 0, told.output


def test_a_var_is_put_where_it_is_asked_for_and_its_quotes_are_the_user_s(
    place: Place, tmp_path: Path
) -> None:
    """`var` gives the text as it is: what may hold quotes is written in a check, or doubled by hand."""
    value = "it's; -- \\ %s :x"
    write(tmp_path, {
        "sqlpipes.yml": f"name: shop\nvars: {{v: {json.dumps(value)}}}\n",
        "models/a.sql": "select '{{ var('v') | replace(\"'\", \"''\") }}' as x\n",
    })  # fmt: skip
    place.prepare(tmp_path)
    build(tmp_path)
    assert place.sql(tmp_path, "select x from main.a") == [(value,)]


HEADS = {
    "a NUL in a name": ({"alias": "a\0b"}, "ENG069 a name of 'a' holds a NUL"),
    "a NUL in a key": (
        {"partition": {"by": "values", "column": "x", "values": ["a\0b"]}},
        "PAR002 a value must be a text",
    ),
    "a name that is too long": ({"alias": "x" * 200}, "ENG012 the name 'xxx"),
    "a column that is too long": (
        {"partition": {"by": "values", "column": "é" * 40, "values": ["a"]}},
        "is 80 bytes long, and postgres keeps 63",
    ),
}  # fmt: skip


@only("postgres", "DuckDB holds all of these")
@pytest.mark.parametrize("case", HEADS)
def test_what_cannot_be_held_is_refused_before_anything_runs(
    place: Place, tmp_path: Path, case: str
) -> None:
    said, message = HEADS[case]
    column = said.get("partition", {}).get("column", "x")
    write(tmp_path, {
        "sqlpipes.yml": "name: shop\n",
        "models/other.sql": "select 1 as x\n",
        "models/a.sql": front({"materialized": "table", **said}) + f'select \'a\' as "{column}"\n',
    })  # fmt: skip
    place.prepare(tmp_path)
    found = run(tmp_path, "build")
    assert found.exit_code == 2, found.output
    assert message in found.output
    assert "models/a.sql:" in found.output
    assert "other" not in place.tables(tmp_path)


@only("postgres", "DuckDB holds it")
def test_a_statement_is_not_cut_off_at_a_nul(place: Place, tmp_path: Path) -> None:
    """The driver would leave out what stands behind it, such as half of a condition."""
    plant(tmp_path, place)
    cut = "select 1 as x -- \0\nfrom (select 1) as t where false\n"
    write(tmp_path, {"sqlpipes.yml": "name: shop\n", "models/a.sql": cut})
    place.prepare(tmp_path)
    found = run(tmp_path, "build")
    assert found.exit_code == 1
    assert "ENG069 the statement holds a NUL" in found.output


def test_unicode_forms_of_one_name_are_one_or_told_apart(place: Place, tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    assert composed != apart
    write(tmp_path, {
        "sqlpipes.yml": "name: shop\n",
        f"models/{composed}.sql": "select 1 as x\n",
        "models/reads.sql": f"select x from {apart}\n",
    })  # fmt: skip
    place.prepare(tmp_path)
    found = run(tmp_path, "build")
    assert found.exit_code == 1  # as the warehouse takes them for two
    assert "REF001" in found.output or "warn" in found.output
    assert place.tables(tmp_path) <= {"sqlpipes_fences"}
