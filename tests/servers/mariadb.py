"""A real MariaDB server of the tests' own: made in a folder, on a free port, gone at the end.

SQLPIPES_TEST_MARIADB_URL names a server to use instead; all of its databases are dropped then. Words of the
tests' own queries that MariaDB lacks are said otherwise; all else that reaches it is what the engine says.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sqlpipes.core.config import Target
from sqlpipes.engines.generic.mysql import MysqlConnection, MysqlEngine
from sqlpipes.engines.generic.place import place_of

GIVEN = "SQLPIPES_TEST_MARIADB_URL"
START_S = 60.0
MISSING = "no MariaDB: apt-get install mariadb-server"
QUICK = ("--innodb-flush-log-at-trx-commit=0", "--performance-schema=OFF", "--skip-log-bin")
ERROR = """create function main.error(said text) returns text
begin signal sqlstate '45000' set message_text = said; return said; end"""

QUOTED = re.compile(r"""'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`""")
TEXT_AS = re.compile(r"('[^']*')::(date|timestamp)\b", re.IGNORECASE)
DATE_OF = re.compile(r"\b(\w+)::date\b", re.IGNORECASE)
TEXT_OF = re.compile(r"(\bdate\(\w+\)|\b\w+)::varchar\b", re.IGNORECASE)
TYPED = re.compile(r"\b(null|\d+\.\d+)::(timestamp|double)\b", re.IGNORECASE)
CAST = re.compile(r"::\w+(?:\(\d+(?:,\s*\d+)?\))?")
CAST_AS = re.compile(r"\bas (varchar|text|integer|int|bigint|timestamp|boolean)\)", re.IGNORECASE)
KINDS = {"varchar": "char", "text": "char", "timestamp": "datetime(6)"}
MIDNIGHT = re.compile(r"\btimestamp\s+'(\d{4}-\d\d-\d\d)'", re.IGNORECASE)
ZONED = re.compile(r"\btimestamptz\s+'([^'+]*)(?:\+00(?::00)?)?'", re.IGNORECASE)
TYPE = re.compile(r"\b(varchar|text)(?=\s*(?:[,)]|$))", re.IGNORECASE)
RANGE = re.compile(
    r"\brange\((\d+)\)(?:\s+(?:as\s+)?(?!where|group|order|limit|union)(\w+)(?:\((\w+)\))?)?",
    re.IGNORECASE,
)
VALUES = re.compile(
    r"\(\s*(values\s+(?:\((?:[^()]|\([^()]*\))*\)\s*,?\s*)+)\)\s*(?:as\s+)?(\w+)\s*\(([\w\s,\"`]+)\)",
    re.IGNORECASE,
)
DAYS = re.compile(
    r"(date\s+'\d{4}-\d\d-\d\d')\s*\+\s*(?:(?!interval)(\w+\b|`\w+`)|\(([^()]*)\))", re.I
)
NEXT_DAY = re.compile(r"\bd \+ 1\b")
RETYPED = re.compile(r"alter column (\w+) set data type (\w+)(?: using .*)?$", re.IGNORECASE)
RESERVED = re.compile(r"(?<![\w`'])(?<!primary )(key|call|range)(?![\w`'(])", re.IGNORECASE)


class NoMariadb(Exception):
    """There is nothing to start: says what is missing."""


@contextmanager
def mariadb_server() -> Iterator[str]:
    """The URL of a server that lets everybody in as root. NoMariadb when none can be started."""
    if given := os.environ.get(GIVEN):
        yield given
        return
    server, install = (_program(name) for name in ("mariadbd", "mariadb-install-db"))
    with tempfile.TemporaryDirectory(prefix="sqlpipes-my-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)
        data, port = home / "data", _free_port()
        data.mkdir()
        who = _who(data)
        said = ["--no-defaults", f"--datadir={data}"]
        _initialise([install, *said, "--skip-test-db"], who)
        options = [f"--socket={data}/s", f"--port={port}", "--bind-address=127.0.0.1", *QUICK]
        with (home / "log").open("wb") as log:
            line = [server, *said, *options]
            started = subprocess.Popen(line, cwd="/", stdout=log, stderr=log, **who)
        try:
            _wait(port, started, home / "log")
            yield f"mariadb+pymysql://root@127.0.0.1:{port}/"
        finally:
            started.terminate()
            started.wait(timeout=START_S)


def empty_mariadb(url: str) -> None:
    """Drop all that a test has left, and make the words that tests use."""
    import pymysql

    parts = sa.make_url(url)
    where = {"host": parts.host, "port": parts.port or 3306, "user": parts.username}
    connection = pymysql.connect(**where, password=str(parts.password or ""))
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select schema_name from information_schema.schemata where schema_name not in"
            " ('mysql', 'sys', 'information_schema', 'performance_schema')"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"drop database `{name}`")
        cursor.execute("create database main character set utf8mb4")
        cursor.execute(ERROR)


def worded(sql: str) -> str:
    """
    >>> worded("select date '2024-01-01' + i as d, \\"x\\"::int from range(3) t(i)")
    "select date '2024-01-01' + interval (i) day as d, `x` from (select seq as i from seq_0_to_2) as t"
    """
    sql = DATE_OF.sub(r"date(\1)", TEXT_AS.sub(r"\2 \1", sql).replace("double precision", "double"))
    sql = TYPED.sub(lambda f: f"cast({f[1]} as {KINDS.get(f[2].lower(), f[2])})", sql)
    sql = CAST.sub("", TEXT_OF.sub(r"cast(\1 as char)", sql))
    sql = RESERVED.sub(r"`\1`", RETYPED.sub(r"modify column \1 \2", QUOTED.sub(_marked, sql)))
    sql = CAST_AS.sub(lambda f: f"as {KINDS.get(f[1].lower(), 'signed')})", sql)
    if sql.lstrip().lower().startswith(("create table", "alter table")):
        sql = TYPE.sub("varchar(200)", sql)
    sql = ZONED.sub(r"timestamp '\1'", sql)
    sql = MIDNIGHT.sub(r"timestamp '\1 00:00:00'", sql)
    sql = NEXT_DAY.sub("d + interval 1 day", sql)
    sql = DAYS.sub(lambda f: f"{f[1]} + interval ({f[2] or f[3]}) day", sql)
    return VALUES.sub(r"(with \2(\3) as (\1) select * from \2) as \2", RANGE.sub(_range, sql))


def _marked(found: re.Match[str]) -> str:
    text = found[0]
    if not text.startswith('"'):
        return text
    return "`" + text[1:-1].replace('""', '"').replace("`", "``") + "`"


def _marked_name(name: str) -> str:
    return RESERVED.sub(r"`\1`", name)


def _range(found: re.Match[str]) -> str:
    count, alias, name = int(found[1]), found[2] or "r", found[3] or "range"
    rows = f"select seq as {_marked_name(name)} from seq_0_to_{count - 1}"
    return f"({rows if count else f'{rows} where false'}) as {alias}"


class WordedConnection(MysqlConnection):
    def text(self, sql: str) -> str:
        return super().text(worded(sql))


class WordedEngine(MysqlEngine):
    connection = WordedConnection

    def set_up(self, link: sa.Connection) -> None:
        super().set_up(link)
        link.exec_driver_sql(
            "set session sql_mode = concat(@@session.sql_mode, ',PIPES_AS_CONCAT')"
        )


def open_mariadb(target: Target, root: str) -> WordedEngine:
    return WordedEngine(target, place_of(target, root), root=root)


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NoMariadb(MISSING)
    return found


def _who(data: Path) -> dict[str, Any]:
    """The server refuses to run as root."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0):
        return {}
    shutil.chown(data, "nobody", "nogroup")
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _initialise(line: list[str], who: dict[str, Any]) -> None:
    how = "--auth-root-authentication-method=normal"
    done = subprocess.run([*line, how], cwd="/", capture_output=True, text=True, **who)
    if done.returncode:
        raise NoMariadb(f"mariadb-install-db failed: {done.stdout}{done.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers, and not only the door."""
    import pymysql

    ends = time.monotonic() + START_S
    while time.monotonic() < ends and server.poll() is None:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="root").close()
            return
        except pymysql.Error:
            time.sleep(0.05)
    raise NoMariadb(f"the server did not start: {log.read_text(errors='replace')}")
