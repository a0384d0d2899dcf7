"""A target of type spark, read without any server."""

from __future__ import annotations

import pytest

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, ProjectError
from sqlpipes.engines import blank, is_shared, open_engine
from sqlpipes.engines.spark.faults import statement_error
from sqlpipes.engines.spark.place import place_of


def target(**options: object) -> Target:
    return Target("dev", "spark", "main", options=options)  # type: ignore[arg-type]


def faults(**options: object) -> list[tuple[str, str | None]]:
    with pytest.raises(ProjectError) as caught:
        place_of(target(**options))
    assert {problem.code for problem in caught.value.problems} == {"PRF003"}
    return [(problem.message, problem.hint) for problem in caught.value.problems]


def test_an_address_is_a_url_or_its_parts() -> None:
    parts = place_of(target(host="db", port=443, token="s;cret", use_ssl=True, user="me"))
    assert parts.url == "sc://db:443/;token=s%3Bcret;user_id=me;use_ssl=true"
    url = place_of(target(url="sc://db:443/;use_ssl=true;token=s%3Bcret"))
    assert (url.host, url.port, url.secret) == ("db", 443, "s;cret")
    assert place_of(target(url="sc://[::1]")).url == "sc://[::1]:15002/"


def test_a_token_is_in_no_text_of_the_place() -> None:
    assert "s3cret" not in repr(place_of(target(host="db", token="s3cret")))


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({}, "needs the 'url' or the 'host'", "sc://host:15002"),
        ({"hosst": "x", "host": "y"}, "has no 'hosst'", "did you mean 'host'?"),
        ({"url": "spark://h:7077"}, "is no address of Spark Connect", "sc://"),
        ({"url": "sc://h:99999999"}, "is no address of Spark Connect", "sc://"),
        ({"url": "sc://h/;token"}, "has a parameter without a value", "sc://"),
        ({"url": "sc://h", "host": "h"}, "'url' already says what 'host' is", "either"),
        ({"url": "sc://h/;token=a", "token": "b"}, "'url' already says what 'token' is", "either"),
        ({"host": "h", "port": "x"}, "'port' must be a whole number above zero", None),
        ({"host": "h", "use_ssl": "yes"}, "'use_ssl' must be true or false", None),
        ({"host": "h", "file_format": "parket"}, "no file_format 'parket'", "'parquet'"),
        ({"host": "h", "settings": ["x"]}, "'settings' must be Spark's settings", None),
        ({"host": "h", "settings": {"spark.sql.session.timeZone": "CET"}}, "must not say", "UTC"),
        ({"host": "h", "settings": {"a'; drop": 1}}, "must not say", "no name of a setting"),
    ],
)
def test_what_is_wrong_is_told(options: dict[str, object], message: str, hint: str | None) -> None:
    ((said, way),) = faults(**options)
    assert message in said
    assert hint is None or hint in str(way)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(faults(port=0, use_ssl=1, hoost="h")) == 4


def test_a_server_that_is_not_there_is_told_at_once_and_without_the_token() -> None:
    pytest.importorskip("grpc")
    with pytest.raises(EngineError) as caught:
        open_engine(target(host="127.0.0.1", port=9, token="s3cret", connect_timeout=2), ".")
    (problem,) = caught.value.problems
    assert problem.code == "ENG061"
    assert "cannot connect to 127.0.0.1:9" in problem.message
    assert "s3cret" not in str(problem)


def test_statements_are_written_without_a_server() -> None:
    engine = blank(target(host="nowhere", file_format="delta"), ".")
    assert engine.can.merge
    assert not is_shared(target(host="nowhere"))
    head = engine.publishing.head("`a`", ("d",))  # type: ignore[attr-defined]
    assert head == "create or replace table `a` using delta partitioned by (`d`) as\n"


def test_a_fault_is_told_in_one_line_at_its_place_with_the_nearest_name() -> None:
    text = (
        "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `idd` "
        "cannot be resolved. Did you mean one of the following? [`id`, `d`]. SQLSTATE: 42703; line 2 "
        "pos 2;\n'Project ['idd]\n+- Range (0, 3)\n\nJVM stacktrace:\norg.apache.spark.Foo\n\tat x"
    )
    found = statement_error(RuntimeError(text), "select\n  idd\nfrom range(3)")
    (problem,) = found.problems
    assert problem.message.endswith("with name `idd` cannot be resolved.")
    assert (problem.code, problem.hint) == ("ENG004", "did you mean 'id'?")
    assert problem.at is not None
    assert (problem.at.line, problem.at.column, problem.at.length) == (2, 3, 3)


def test_a_fault_of_values_is_none_of_the_text() -> None:
    text = "[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012\n== SQL (line 1, position 8) ==\nselect 1/0"
    (problem,) = statement_error(RuntimeError(text), "select 1/0").problems
    assert (problem.code, problem.message) == ("ENG005", "Division by zero.")
    assert problem.at is not None
    assert problem.at.column == 8
