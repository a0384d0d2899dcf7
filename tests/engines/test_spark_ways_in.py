"""What is said when there is no way into a Spark: real servers, which are no Spark or not ours to use."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.engines import open_engine

for needed in ("grpc", "grpc_status", "pandas", "zstandard", "pyspark"):
    pytest.importorskip(needed, reason="no client of Spark: pip install 'sqlpipes[spark]'")
pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet")


@pytest.fixture(autouse=True)
def main_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else pyspark takes a worker of xdist for its own doctests, and exits."""
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)


def refused(**options: Any) -> Problem:
    target = Target("dev", "spark", "main", options={"connect_timeout": 2, **options})
    with pytest.raises(EngineError) as caught:
        open_engine(target, ".")
    (problem,) = caught.value.problems
    return problem


@contextmanager
def answering(answer: Any) -> Iterator[str]:
    """A server that speaks Connect, whose first question is answered so."""
    import grpc
    from pyspark.sql.connect.proto import base_pb2_grpc

    class Service(base_pb2_grpc.SparkConnectServiceServicer):  # type: ignore[misc]
        def AnalyzePlan(self, request: Any, context: Any) -> Any:
            return answer(request, context)

    server = grpc.server(ThreadPoolExecutor(2))
    base_pb2_grpc.add_SparkConnectServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"sc://127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@contextmanager
def silent() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_somebody_else_listens() -> None:
    with silent() as port:
        problem = refused(host="127.0.0.1", port=port)
    assert problem.code == "ENG062"
    assert problem.message.endswith("nobody there speaks Spark Connect, within 2 s")
    assert "use_ssl" in (problem.hint or "")


def test_no_tls_where_it_is_asked_for() -> None:
    with answering(lambda request, context: None) as url:
        problem = refused(url=f"{url}/;use_ssl=true;token=hush-hush")
    assert (problem.code, "no TLS within 2 s" in problem.message) == ("ENG063", True)
    assert "hush" not in str(problem)


def test_who_is_not_let_in() -> None:
    import grpc

    def answer(request: Any, context: Any) -> None:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "this token is over")

    with answering(answer) as url:
        problem = refused(url=url)
    assert problem.code == "ENG064"
    assert problem.hint == "see `token` and `user` of the target"


def test_an_older_spark() -> None:
    from pyspark.sql.connect.proto import base_pb2

    def answer(request: Any, context: Any) -> Any:
        found = base_pb2.AnalyzePlanResponse(session_id=request.session_id)
        found.spark_version.version = "3.5.7"
        return found

    with answering(answer) as url:
        problem = refused(url=url)
    assert problem.code == "SPK002"
    assert "is Spark 3.5.7, and Spark 4 is needed" in problem.message
