"""What a query can see: variables, files, batches from Python; what it does when these go away."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spanql

module_table = pa.table({"x": [1, 2]})
Mixed_Case = pa.table({"x": [7]})


def only(result: spanql.Result) -> Any:
    [row] = result.to_arrow().to_pylist()
    [value] = row.values()
    return value


@pytest.mark.parametrize("make", [pa.table, pd.DataFrame, pl.DataFrame, pa.RecordBatch.from_pydict])
def test_variables_are_tables(make: Any) -> None:
    session = spanql.connect()
    notes = make({"text": ["to x@y.io", "nothing"]})
    query = "SELECT count(*) AS n FROM notes WHERE cardinality(entity_values(text, 'EMAIL')) = 1"
    result = session.sql(query)
    del notes
    # The result keeps what it names; the session does not.
    assert only(result) == 1
    with pytest.raises(spanql.QueryError, match="notes"):
        session.sql(query)


def test_whose_variables() -> None:
    session = spanql.connect()
    assert only(session.sql("SELECT sum(x) AS s FROM module_table")) == 3
    module_table = pa.table({"x": [10]})
    assert only(session.sql("SELECT sum(x) AS s FROM module_table")) == 10, "the nearest"
    assert module_table.num_rows == 1
    assert only(session.sql("SELECT sum(x) AS s FROM Mixed_Case")) == 7
    assert only(session.sql('SELECT sum(x) AS s FROM "Mixed_Case"')) == 7
    query = "WITH module_table AS (SELECT 5 AS x) SELECT sum(x) AS s FROM module_table"
    assert only(session.sql(query)) == 5
    session.register("module_table", pa.table({"x": [100]}))
    assert only(session.sql("SELECT sum(x) AS s FROM module_table")) == 100, "tables come first"
    other = 5  # is no table
    with pytest.raises(spanql.QueryError, match="other"):
        session.sql(f"SELECT * FROM other WHERE 5 = {other}")


def test_variables_can_be_switched_off() -> None:
    with pytest.raises(spanql.QueryError, match="module_table"):
        spanql.connect(variables=False).sql("SELECT * FROM module_table")


def test_a_result_is_a_table() -> None:
    session = spanql.connect()
    numbers = session.sql("SELECT value AS n FROM range(5)")
    assert only(session.sql("SELECT sum(n) AS s FROM numbers")) == 10
    assert numbers.schema == [("n", "Int64")]


def test_files(tmp_path: Path) -> None:
    session = spanql.connect()
    table = pa.table({"id": [1, 2], "text": ["to x@y.io", "中"]})
    for name in ("a", "b"):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    (tmp_path / "c.csv").write_text('id,text\n1,"two\nlines, x@y.io"\n2,中\n', encoding="utf-8")
    (tmp_path / "d.jsonl").write_text('{"id": 1, "text": "to x@y.io"}\n{"id": 2, "text": "中", "more": 1}\n')
    emails = "SELECT count(*) AS n FROM t WHERE cardinality(entity_values(text, 'EMAIL')) = 1"
    for path, expected in (
        (tmp_path / "a.parquet", 1),
        (tmp_path / "*.parquet", 2),
        (str(tmp_path / "c.csv"), 1),
        (tmp_path / "d.jsonl", 1),
    ):
        session.register("t", path)
        assert only(session.sql(emails)) == expected, path
    assert only(session.sql("SELECT max(more) AS m FROM t")) == 1


def test_files_that_are_not_there_or_not_tables(tmp_path: Path) -> None:
    session = spanql.connect()
    with pytest.raises(spanql.FileError, match=r"absent\.parquet"):
        session.register("t", tmp_path / "absent.parquet")
    with pytest.raises(spanql.FileError, match="no such file"):
        session.register("t", str(tmp_path / "*.csv"))
    (tmp_path / "a.xlsx").write_text("x")
    with pytest.raises(spanql.UsageError, match=r"a\.xlsx.*parquet"):
        session.register("t", tmp_path / "a.xlsx")
    (tmp_path / "broken.parquet").write_text("x")
    with pytest.raises(spanql.FileError, match=r"broken\.parquet"):
        session.register("t", tmp_path / "broken.parquet")
    (tmp_path / "b.csv").write_text("x\n1\n")
    with pytest.raises(spanql.UsageError, match="different formats"):
        session.register("t", str(tmp_path / "b*"))


def test_iterators_of_batches() -> None:
    session = spanql.connect()

    def batches() -> Iterator[pa.RecordBatch]:
        for start in (0, 10):
            yield pa.record_batch({"n": list(range(start, start + 3))})

    session.register("t", batches())
    assert only(session.sql("SELECT sum(n) AS s FROM t")) == 36
    session.register("t", [pa.table({"n": [1]}), pl.DataFrame({"n": [2]})])
    assert only(session.sql("SELECT sum(n) AS s FROM t")) == 3
    session.register("t", iter(session.sql("SELECT value AS n FROM range(4)")))
    assert only(session.sql("SELECT sum(n) AS s FROM t")) == 6
    with pytest.raises(ValueError, match="no batch"):
        session.register("t", iter([]))
    with pytest.raises(ValueError, match="batch 1 has other columns"):
        session.register("t", iter([pa.record_batch({"n": [1]}), pa.record_batch({"m": [1]})]))
    with pytest.raises(TypeError, match="int is no Arrow table"):
        session.register("t", iter([5]))  # type: ignore[arg-type]
    for nonsense in ({"n": [1]}, b"t.csv", pa.Table):
        with pytest.raises(TypeError, match="no Arrow table"):
            session.register("t", nonsense)  # type: ignore[arg-type]

    def failing() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": [1]})
        raise LookupError("the disk is gone")

    with pytest.raises(LookupError, match="the disk is gone"):
        session.register("t", failing())
    assert only(session.sql("SELECT sum(n) AS s FROM t")) == 6


def test_a_table_dropped_while_it_is_read() -> None:
    session = spanql.connect()
    session.register("t", pa.table({"n": list(range(100_000))}))
    result = session.sql("SELECT n FROM t")
    batches = iter(result)
    first = next(batches)
    session.sql("DROP TABLE t").to_arrow()
    rest = sum(batch.num_rows for batch in batches)
    assert first.num_rows + rest == 100_000
    assert result.to_arrow().num_rows == 100_000
    with pytest.raises(spanql.QueryError, match="t"):
        session.sql("SELECT n FROM t")


def test_a_file_deleted_while_it_is_queried(tmp_path: Path) -> None:
    session = spanql.connect()
    pq.write_table(pa.table({"n": [1]}), tmp_path / "a.parquet")
    session.register("t", tmp_path / "a.parquet")
    result = session.sql("SELECT n FROM t")
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(spanql.Error, match=r"a\.parquet"):
        result.to_arrow()
    assert only(session.sql("SELECT 1 AS one")) == 1


def test_a_closed_session(store: Path) -> None:
    with spanql.connect(store) as session:
        result = session.sql("SELECT count(*) AS n FROM documents")
    assert repr(session) == "<spanql.Session closed>"
    for use in (
        lambda: session.sql("SELECT 1"),
        lambda: session.register("t", pa.table({"x": [1]})),
        lambda: session.report("top_domains"),
        lambda: session.ingest("x.jsonl"),
        lambda: spanql.redact(["x"], session=session),
    ):
        with pytest.raises(spanql.UsageError, match="closed"):
            use()
    session.close()
    assert only(result) == 3
    with pytest.raises(ZeroDivisionError), spanql.connect():
        raise ZeroDivisionError


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_is_told() -> None:
    session = spanql.connect()
    result = session.sql("SELECT 1 AS one")
    result.to_arrow()
    child = os.fork()
    if child == 0:
        told = 0
        for use in (lambda: session.sql("SELECT 1"), result.to_json, lambda: list(result), result._repr_html_):
            try:
                use()
            except spanql.UsageError as error:
                told += "fork" in str(error)
        # One of its own works.
        os._exit(0 if told == 4 and spanql.connect().sql("SELECT 1 AS one").to_json() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_share_a_session() -> None:
    session = spanql.connect()
    session.register("t", pa.table({"n": list(range(20_000))}))
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                mine = pa.table({"n": [number] * 100})
                assert only(session.sql("SELECT sum(n) AS s FROM mine")) == 100 * number
                assert mine.num_rows == 100
                assert only(session.sql("SELECT sum(n) AS s FROM t WHERE n <= $1", [number])) == sum(range(number + 1))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@pytest.mark.parametrize(
    ("query", "line", "column"),
    [("SELECT 1\nFROM range(3) WERE x", 2, 20), ("SELECT value,\n  nothing\nFROM range(3)", 2, 3)],
)
def test_errors_know_their_place(query: str, line: int, column: int) -> None:
    with pytest.raises(spanql.QueryError) as caught:
        spanql.connect().sql(query)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"{line}" in str(caught.value)
    assert f"{column}" in str(caught.value)
    with pytest.raises(spanql.QueryError) as elsewhere:
        spanql.connect().sql("SELECT 1 / 0 AS x").to_arrow()
    assert elsewhere.value.line is None


def test_polars_columns_without_a_value() -> None:
    session = spanql.connect()
    frame = pl.DataFrame(
        {"text": ["a"], "none": [None], "list": [[None]], "struct": [{"x": None, "y": 1}], "deep": [[{"z": None}]]}
    )
    expected = frame.to_dicts()
    assert session.sql("SELECT * FROM frame").to_arrow().to_pylist() == expected
    session.register("registered", frame)
    assert session.sql("SELECT * FROM registered").to_arrow().to_pylist() == expected
    assert session.sql("SELECT * FROM registered").schema[1] == ("none", "Utf8")
    whole = pl.DataFrame({"n": [1]})
    assert session.sql("SELECT * FROM whole").to_arrow().to_pylist() == whole.to_dicts()


def test_a_stream_is_no_variable() -> None:
    session = spanql.connect()
    reader = pa.table({"x": [1, 2]}).to_reader()
    for _ in range(2):
        with pytest.raises(spanql.UsageError, match=r"RecordBatchReader.*session\.register\(.reader., reader\)"):
            session.sql("SELECT sum(x) AS s FROM reader")
    session.register("reader", reader)
    assert [only(session.sql("SELECT sum(x) AS s FROM reader")) for _ in range(2)] == [3, 3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pd.DataFrame({"a": ["x", 1]}), r"^DataFrame cannot be read as a table: .*'int'.*column a"),
        (lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]), "^DataFrame cannot be read as a table: .*Duplicate"),
        (lambda: pl.DataFrame({"a": [1]}, schema={"a": pl.Int128}), "^DataFrame cannot be read as a table: .*128"),
        (lambda: pd.Series(["a"]), "^Series is a column, and a column is no table"),
        (lambda: pl.Series(["a"]), "^Series is a column, and a column is no table"),
        (lambda: pa.array(["a"]), "^StringArray is a column, and a column is no table"),
        (lambda: pa.chunked_array([["a"]]), "^ChunkedArray is a column, and a column is no table"),
        (lambda: pl.DataFrame({"a": [1]}).lazy(), r"LazyFrame.*\.collect\(\)"),
    ],
)
def test_what_speaks_arrow_and_is_no_table_says_why(make: Any, message: str) -> None:
    session = spanql.connect()
    named = make()
    with pytest.raises(TypeError, match=message):
        session.register("t", named)
    with pytest.raises(TypeError, match=message):
        session.sql("SELECT * FROM named")


def test_files_may_be_named_by_way_of_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    pq.write_table(pa.table({"n": [1]}), "../a.parquet")
    session = spanql.connect()
    for name in ("../a.parquet", "../*.parquet"):
        session.register("a", name)
        assert only(session.sql("SELECT n FROM a")) == 1
        assert only(session.sql(f"SELECT n FROM '{name}'")) == 1
