"""What does a query answer in GoogleSQL itself: Google's own analyzer and reference engine?"""

import json
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import polars as pl

from pipelines.models.sql_models import parameters_of
from pipelines.services.jars import fetch_jars
from pipelines.services.java import find_java
from tests.googlesql.compiled import compiled
from tests.googlesql.kinds import bigquery_type, columns_of, decode, encode, polars_type

_POM = Path(__file__).with_name("googlesql.pom.xml")
_SOURCE = Path(__file__).with_name("GoogleSqlServer.java")


class GoogleSqlError(Exception):
    """GoogleSQL refuses a query, or the query fails; one line, in the engine's own words."""


class Engine:
    """The reference engine in a process of its own, and the tables that were loaded into it.

    A context manager. Raises ServiceError where there is no Java 17 or Maven.
    """

    def __init__(self) -> None:
        jars = fetch_jars(_POM)
        classpath = ":".join(map(str, [compiled(_SOURCE, jars), *jars]))
        self._loaded: dict[str, pl.DataFrame] = {}
        self._files = TemporaryDirectory(prefix="googlesql-")
        self._errors = Path(self._files.name) / "errors.txt"
        # Its native library is unpacked below java.io.tmpdir; the engine recurses deeply.
        options = [f"-Djava.io.tmpdir={self._files.name}", "-Xss64m", "-XX:TieredStopAtLevel=1"]
        with open(self._errors, "wb") as errors:
            self.process = subprocess.Popen(
                [find_java(), *options, "-cp", classpath, _SOURCE.stem],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self._files.cleanup()

    def load(self, full_name: str, frame: pl.DataFrame) -> None:
        """Give a table (`silver.sessions`) its rows, in place of those it had.

        The columns that `schemas` describes get the type that they have in BigQuery, others that
        of the frame. A null list becomes an empty one, as BigQuery stores it.
        """
        if self._loaded.get(full_name) is frame:
            return
        columns = columns_of(full_name, frame)
        path = Path(self._files.name) / f"{full_name}.ndjson"
        types = [column["type"] for column in columns]
        with open(path, "w", encoding="utf-8") as file:
            for row in frame.iter_rows():
                values = [encode(*pair) for pair in zip(row, types, strict=True)]
                file.write(json.dumps(values) + "\n")
        self._ask({"load": full_name, "columns": columns, "file": str(path)})
        path.unlink()
        self._loaded[full_name] = frame

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The rows of a query. Raises GoogleSqlError.

        `parameters`: int, float, str, bool, date or datetime by name; those that the query does
        not name are left out.
        """
        named = parameters_of(sql)
        given = {
            name: {"type": (what := bigquery_type(value)), "value": encode(value, what)}
            for name, value in (parameters or {}).items()
            if name in named
        }
        answer = self._ask({"sql": sql, "parameters": given})
        columns = {column["name"]: column["type"] for column in answer["columns"]}
        if len(columns) < len(answer["columns"]):
            raise GoogleSqlError("two columns of the result have the same name, or none")
        kinds = list(columns.values())
        rows = [[decode(*pair) for pair in zip(row, kinds, strict=True)] for row in answer["rows"]]
        schema = {name: polars_type(what) for name, what in columns.items()}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        line = self._answered(json.dumps(request))
        if not line:
            words = " ".join(self._errors.read_text("utf-8").split())
            raise GoogleSqlError(f"the engine ended: {words[-500:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise GoogleSqlError(" ".join(answer["error"].split()))
        return answer

    def _answered(self, line: str) -> str:
        """The next line of the process; empty when it has ended."""
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        return self.process.stdout.readline()
