"""A real Spark of the tests' own: one master, two workers and a Connect server on loopback, gone at the end.

Java runs what the pip package `pyspark` holds: SQLPIPES_TEST_SPARK_HOME names its folder, else one that can
be imported is taken. SQLPIPES_TEST_SPARK_URL names a Connect server to use instead, whose catalog must
outlive sessions. SQLPIPES_TEST_SPARK=alone leaves master and workers out: one process, up in a few seconds.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

GIVEN = "SQLPIPES_TEST_SPARK_URL"
HOME = "SQLPIPES_TEST_SPARK_HOME"
SAIL = "SQLPIPES_TEST_SAIL"
START_S = 180.0
WORKERS = 2
OPENED = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio"),
    *("java.util", "java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref"),
    *("sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar"),
)
JAVA = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "-XX:TieredStopAtLevel=1",  # short runs: a quick compiler is worth more than a good one
    "-XX:+UseSerialGC",
    "--add-modules=jdk.incubator.vector",
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED),
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
)
DEPLOY = "org.apache.spark.deploy"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"


class NoSpark(Exception):
    """There is nothing to start: says what is missing."""


@contextmanager
def spark_server() -> Iterator[str]:
    """The URL of a Connect server. NoSpark when none can be started."""
    if given := os.environ.get(GIVEN):
        yield given
        return
    jars, java = _jars(), shutil.which("java")
    if java is None:
        raise NoSpark("no java: apt-get install openjdk-17-jre-headless")
    with (
        tempfile.TemporaryDirectory(prefix="sqlpipes-spark-", ignore_cleanup_errors=True) as folder,
        ExitStack() as stack,
    ):
        home = Path(folder)
        master = "local[2]"
        if os.environ.get("SQLPIPES_TEST_SPARK") != "alone":
            master = _cluster(java, jars, home, stack)
        port = _free_port()
        line = [java, "-Xmx1g", *JAVA, *_settings(home, master, port), "-cp", f"{jars}/*", CONNECT]
        server = _started(line, home, "connect", stack)
        _wait(port, server, home / "connect.log")
        yield f"sc://127.0.0.1:{port}"


class Mortal:
    """A Connect server alone that can be killed and started again, with the catalog that it had."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = _free_port()
        self._stack = ExitStack()
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"sc://127.0.0.1:{self._port}"

    def start(self) -> None:
        jars, java = _jars(), shutil.which("java")
        if java is None:
            raise NoSpark("no java: apt-get install openjdk-17-jre-headless")
        for lock in (self._home / "metastore").glob("*.lck"):  # of the one that was killed
            lock.unlink()
        said = _settings(self._home, "local[2]", self._port)
        line = [java, "-Xmx1g", *JAVA, *said, "-cp", f"{jars}/*", CONNECT]
        self._server = _started(line, self._home, "mortal", self._stack)
        _wait(self._port, self._server, self._home / "mortal.log")

    def kill(self) -> None:
        assert self._server is not None
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def close(self) -> None:
        self._stack.close()


@contextmanager
def sail_server() -> Iterator[str]:
    """The URL of a Sail, whose tables live in one session: it is named, so that all connections share it.

    SQLPIPES_TEST_SAIL is the path of its program, or its URL.
    """
    given = os.environ.get(SAIL)
    if not given:
        raise NoSpark(f"no Sail: set {SAIL} to the program of pip install pysail")
    if given.startswith("sc://"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="sqlpipes-sail-") as folder, ExitStack() as stack:
        port = _free_port()
        line = [given, "spark", "server", "--ip", "127.0.0.1", "--port", str(port)]
        server = _started(line, Path(folder), "sail", stack)
        _wait(port, server, Path(folder) / "sail.log")
        yield f"sc://127.0.0.1:{port}/;session_id=00112233-4455-6677-8899-aabbccddeeff"


def empty_spark(url: str) -> None:
    """Drop all that a test has left in the schemas that tests use."""
    from sqlpipes.core.config import Target
    from sqlpipes.engines import open_engine

    engine = open_engine(Target("dev", "spark", "main", options={"url": url}), ".")
    try:
        connection = engine.connect()
        for (name,) in connection.fetch("show schemas").rows:
            if name != "default":
                connection.execute(f"drop schema if exists `{name}` cascade")
        for relation, kind in engine.relations().items():
            connection.execute(f"drop {kind} if exists {engine.quote(relation)}")
    finally:
        engine.close()


def _jars() -> Path:
    said = os.environ.get(HOME)
    if said:
        found = Path(said) / "jars"
        if not found.is_dir():
            raise NoSpark(f"{HOME} is {said}, which has no jars")
        return found
    spec = importlib.util.find_spec("pyspark")
    if spec is not None and spec.origin:
        found = Path(spec.origin).parent / "jars"
        if found.is_dir():
            return found
    raise NoSpark(f"no Spark server: pip install --no-deps pyspark somewhere and set {HOME} to it")


def _cluster(java: str, jars: Path, home: Path, stack: ExitStack) -> str:
    port = _free_port()
    line = [java, "-Xmx256m", *JAVA, "-cp", f"{jars}/*"]
    asked = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
    master = _started([*line, f"{DEPLOY}.master.Master", *asked], home, "master", stack)
    _wait(port, master, home / "master.log")
    url = f"spark://127.0.0.1:{port}"
    for number in range(WORKERS):
        folder = home / f"worker{number}"
        said = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(folder)]
        worker = [*line, f"{DEPLOY}.worker.Worker", "--host", "127.0.0.1", *said, url]
        _started(worker, home, f"worker{number}", stack)
    return url


def _settings(home: Path, master: str, port: int) -> list[str]:
    """The catalog outlives sessions: Hive's, in Derby, in a folder of this run."""
    said = {
        "spark.master": master,
        "spark.app.name": "sqlpipes-tests",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "512m",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": str(home / "warehouse"),
        "spark.local.dir": str(home / "local"),
        "spark.hadoop.datanucleus.connectionPoolingType": "NONE",  # the pool ran dry and hung after a while
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            f"jdbc:derby:;databaseName={home}/metastore;create=true"
        ),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "derby.system.home": str(home / "derby"),
    }
    return [f"-D{name}={value}" for name, value in said.items()]


def _started(line: list[str], home: Path, name: str, stack: ExitStack) -> subprocess.Popen[bytes]:
    """In a group of its own, so that executors end with their worker."""
    environ = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    if name != "sail":  # workers look there for the jars of executors
        environ |= {"SPARK_HOME": str(_jars().parent), "SPARK_SCALA_VERSION": "2.13"}
    with (home / f"{name}.log").open("wb") as log:
        server = subprocess.Popen(
            line, cwd=home, env=environ, stdout=log, stderr=log, start_new_session=True
        )
    stack.callback(_end, server)
    return server


def _end(server: subprocess.Popen[bytes]) -> None:
    for how, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(server.pid, how)
            server.wait(timeout=patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError:
            time.sleep(0.1)
    raise NoSpark(f"the server did not start: {_end_of(log)}")


def _end_of(log: Path) -> str:
    """What it said last, without the frames of its exceptions."""
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join([line for line in lines if not line.lstrip().startswith("at ")][-30:])
