"""The component `template`: one SELECT over many values."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from read.folders import asset, only, places, read

from sqlpipes.cli import sqlpipes
from sqlpipes.core.asset import Scope


def test_a_template_is_an_asset_for_each_value(tmp_path):
    yaml = """
    type: template
    attributes:
      name: "orders_{{ country }}_{{ year }}"
      for_each: {country: [de, fr], year: [2023, 2024]}
      sql: |
        select * from orders
        where country = '{{ country }}' and year = {{ year + 1 }}
          {% if country == 'fr' %} and paid {% endif %}
      asset: {description: "Of {{ country }}", tags: [a], materialized: table, owner: "{{ var('who') }}"}
    """
    reading = read(tmp_path, {"models/t.yml": yaml}, vars={"who": "me@x.com"})
    assert reading.problems == ()
    assert sorted(a.name for a in reading.assets) == [
        "orders_de_2023",
        "orders_de_2024",
        "orders_fr_2023",
        "orders_fr_2024",
    ]
    found = asset(reading, "orders_fr_2024")
    text = found.body.render(Scope()).text
    assert "country = 'fr' and year = 2025" in text
    assert "and paid" in text
    assert (found.description, found.tags, found.materialized) == ("Of fr", ("a",), "table")
    assert found.owners == ("me@x.com",)
    assert "paid" not in asset(reading, "orders_de_2024").body.render(Scope()).text


def test_a_list_gives_the_values_of_each_asset_and_a_file_the_text(tmp_path):
    yaml = """
    type: template
    attributes:
      name: "{{ shop.code }}"
      for_each: [{shop: {code: a, table: x}}, {shop: {code: b, table: y}}]
      file: templates/shop.sql
    """
    sql = "/*\n---\ntags: [shop]\n---\n*/\nselect * from {{ shop.table }}\n"
    reading = read(tmp_path, {"models/t.yml": yaml, "templates/shop.sql": sql})
    assert reading.problems == ()
    found = asset(reading, "b")
    assert [r.parts for r in found.body.references] == [("y",)]
    assert (found.tags, found.path) == (("shop",), "templates/shop.sql")


def test_a_fault_in_the_sql_stands_in_the_yaml(tmp_path):
    yaml = """
    type: template
    attributes:
      name: "o_{{ c }}"
      for_each: {c: [1]}
      sql: |
        select *
        from orders where x = {{ d }}
    """
    problem = only(read(tmp_path, {"models/t.yml": yaml}))
    assert (problem.code, str(problem.at)) == ("JIN002", "models/t.yml:8:30")


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ("{name: x, for_each: {a: [1, 2]}, sql: select 1}", "two assets are named 'x'"),
        ("{name: 'x{{ b }}', for_each: {a: [1]}, sql: select 1}", "no value is named 'b'"),
        ("{name: x, for_each: {a: [1]}}", "either `sql` or `file`"),
        ("{name: x, for_each: {this: [1]}, sql: select 1}", "'this' means something else"),
        ("{name: x, for_each: {a: 1}, sql: select 1}", "'for_each.a' must be a list"),
    ],
)
def test_what_makes_no_assets_is_refused(tmp_path, attributes, said):
    problem = only(read(tmp_path, {"models/t.yml": f"type: template\nattributes: {attributes}\n"}))
    assert said in problem.message
    assert problem.at.file == "models/t.yml"


def test_a_file_that_is_missing_is_named_where_it_is_said(tmp_path):
    yaml = "type: template\nattributes: {name: 'x{{ a }}', for_each: {a: [1]}, file: no.sql}\n"
    reading = read(tmp_path, {"models/t.yml": yaml})
    assert places(reading)[0].endswith("CMP010")


@pytest.mark.parametrize("more", ["", "where {{ c }} = 1"])
def test_lint_places_a_column_where_the_yaml_has_it(tmp_path, more):
    yaml = (
        "type: template\nattributes:\n  name: o_{{ c }}\n  for_each: {c: [1]}\n  sql: |\n"
        f"    select\n      nope as x\n    from given {more}\n"
    )
    (tmp_path / "models").mkdir()
    (tmp_path / "models/t.yml").write_text(yaml)
    (tmp_path / "models/given.sql").write_text("select 1 as a\n")
    result = CliRunner().invoke(sqlpipes, ["lint", "--project-dir", str(tmp_path)])
    assert "models/t.yml:7:7: COL001 column 'nope'" in result.stdout
