"""The matrix of docs/interop.md: each package's data in, results as its data out."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import arro3.core
import datafusion
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import spanql

PAGE = Path(__file__).resolve().parents[1] / "docs" / "interop.md"
COLUMNS: dict[str, list[Any]] = {"id": [1, 2, 3], "text": ["to x@y.io", None, "中 😀"]}
QUERY = """
SELECT id, text, entity_values(text, 'EMAIL') AS emails, arrow_cast('a', 'Dictionary(Int32, Utf8)') AS kind,
       extract_entities(text, 'EMAIL') AS found
FROM notes ORDER BY id
"""


def to_duckdb() -> Any:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE notes AS SELECT * FROM (VALUES (1, 'to x@y.io'), (2, NULL), (3, '中 😀')) t(id, text)"
    )
    return connection.table("notes")


IN: dict[str, Callable[[], Any]] = {
    "pyarrow": lambda: pa.table(COLUMNS),
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "duckdb": to_duckdb,
    "datafusion": lambda: datafusion.SessionContext().from_pydict(COLUMNS),
    "arro3-core": lambda: arro3.core.Table.from_arrow(pa.table(COLUMNS)),
}


def through_duckdb(result: spanql.Result) -> list[dict[str, Any]]:
    relation = duckdb.connect().sql("FROM result")
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def through_pandas(result: spanql.Result) -> list[dict[str, Any]]:
    def plain(name: str, value: Any) -> Any:
        return None if value is None else list(value) if name in ("emails", "found") else value

    rows = result.to_pandas().to_dict("records")
    return [{str(name): plain(str(name), value) for name, value in row.items()} for row in rows]


OUT: dict[str, Callable[[spanql.Result], list[dict[str, Any]]]] = {
    "pyarrow": lambda result: pa.table(result).to_pylist(),
    "pandas": through_pandas,
    "polars": lambda result: pl.DataFrame(result).to_dicts(),
    "duckdb": through_duckdb,
    "datafusion": lambda result: datafusion.SessionContext().from_arrow(result).to_pylist(),
    "arro3-core": lambda result: pa.table(arro3.core.Table.from_arrow(result)).to_pylist(),
}


def test_the_page_names_what_is_tested() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line.split("|")[1].split() for line in lines if line.startswith("| ") and line.count("|") == 5]
    assert rows[1:] == [[name, version(name)] for name in IN]
    assert list(IN) == list(OUT)


@pytest.mark.parametrize("way", IN)
def test_in(way: str) -> None:
    session = spanql.connect()
    notes = IN[way]()
    by_name = session.sql(QUERY).to_arrow().to_pylist()
    session.register("notes", notes)
    registered = session.sql(QUERY).to_arrow().to_pylist()
    assert by_name == registered
    assert [(row["id"], row["text"], row["emails"]) for row in registered] == [
        (1, "to x@y.io", ["x@y.io"]),
        (2, None, None),
        (3, "中 😀", []),
    ]


@pytest.mark.parametrize("way", OUT)
def test_out(way: str) -> None:
    session = spanql.connect()
    session.register("notes", pa.table(COLUMNS))
    rows = OUT[way](session.sql(QUERY))
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert [row["text"] if isinstance(row["text"], str) else None for row in rows] == COLUMNS["text"]
    assert [row["emails"] for row in rows] == [["x@y.io"], None, []]
    assert {row["kind"] for row in rows} == {"a"}
    [entity] = rows[0]["found"]
    assert (entity["label"], entity["value"], entity["span_start"], entity["span_end"]) == ("EMAIL", "x@y.io", 3, 9)
    assert (rows[1]["found"], rows[2]["found"]) == (None, [])


def test_columns_of_arro3() -> None:
    column = arro3.core.Table.from_arrow(pa.table(COLUMNS))["text"]
    assert spanql.redact(column).to_pylist() == ["to [EMAIL]", None, "中 😀"]
    assert arro3.core.ChunkedArray.from_arrow(spanql.redact(column)).to_pylist() == ["to [EMAIL]", None, "中 😀"]
