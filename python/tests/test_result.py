import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import spanql

QUERY = "SELECT label, entity, value, span_start, span_end FROM entities ORDER BY doc_id, span_start, label"
EMAILS = "SELECT value FROM entities WHERE label = 'EMAIL' ORDER BY doc_id, span_start"
EXPECTED = ["ann@example.com", "bob@example.org", "bob@example.org"]


def lowered(values: list[Any]) -> list[str]:
    return [str(value).lower() for value in values]


def test_pyarrow(session: spanql.Session) -> None:
    table = session.sql(EMAILS).to_arrow()
    assert isinstance(table, pa.Table)
    assert lowered(table["value"].to_pylist()) == EXPECTED
    # Plain strings, with which pyarrow can compute; labels stay dictionaries.
    assert table.schema.field("value").type == pa.string()
    assert table.sort_by("value").num_rows == 3
    assert pc.call_function("equal", [table["value"], pa.scalar("x")]).to_pylist() == [False] * 3
    label = session.sql(QUERY).to_arrow().schema.field("label").type
    assert pa.types.is_dictionary(label)
    assert label.value_type == pa.string()


def test_spans_slice_the_text(session: spanql.Session) -> None:
    rows = (
        session.sql("SELECT text, entity, span_start, span_end FROM entities JOIN documents USING (doc_id)")
        .to_arrow()
        .to_pylist()
    )
    assert rows
    for row in rows:
        assert row["text"][row["span_start"] : row["span_end"]] == row["entity"]


def test_pyarrow_reads_a_result_as_it_is(session: spanql.Session) -> None:
    result = session.sql(EMAILS)
    assert pa.schema(result) == pa.table(result).schema
    assert [batch.num_rows for batch in pa.RecordBatchReader.from_stream(result)] == [3]


def test_views_on_request(session: spanql.Session) -> None:
    wanted = pa.schema([("value", pa.string_view())])
    reader = pa.RecordBatchReader.from_stream(session.sql(EMAILS), schema=wanted)
    assert reader.schema.field("value").type == pa.string_view()
    assert lowered(reader.read_all()["value"].to_pylist()) == EXPECTED


def test_nested_views_become_strings(session: spanql.Session) -> None:
    table = session.sql("SELECT extract_entities(text, 'EMAIL') AS found FROM documents ORDER BY doc_id").to_arrow()
    assert "view" not in str(table.schema)
    assert [len(found) for found in table["found"].to_pylist()] == [2, 1, 0]


def test_pandas_and_polars(session: spanql.Session) -> None:
    result = session.sql(EMAILS)
    frame = result.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert lowered(frame["value"].tolist()) == EXPECTED
    polars_frame = result.to_polars()
    assert isinstance(polars_frame, pl.DataFrame)
    assert lowered(polars_frame["value"].to_list()) == EXPECTED
    assert pl.DataFrame(result).equals(polars_frame)


def test_duckdb(session: spanql.Session) -> None:
    result = session.sql(EMAILS)
    with duckdb.connect() as connection:
        connection.register("found", result)
        rows = connection.sql("SELECT lower(value), count(*) FROM found GROUP BY 1 ORDER BY 1").fetchall()
    assert rows == [("ann@example.com", 1), ("bob@example.org", 2)]


def test_results_can_be_used_again(session: spanql.Session) -> None:
    result = session.sql(EMAILS)
    assert result.to_arrow() == result.to_arrow()
    assert len(json.loads(result.to_json())) == 3


def test_results_stream(session: spanql.Session) -> None:
    # More rows than any memory holds: the first batches come all the same, and dropping the reader stops the query.
    result = session.sql("SELECT value + 1 AS n FROM range(1000000000000)")
    reader = pa.RecordBatchReader.from_stream(result)
    assert reader.read_next_batch().num_rows > 0
    reader.close()
    assert session.sql("SELECT 1 AS one").to_arrow().num_rows == 1


def test_no_rows_and_no_columns(session: spanql.Session) -> None:
    empty = session.sql("SELECT value FROM entities WHERE false")
    assert empty.to_arrow().num_rows == 0
    assert empty.to_arrow().schema.names == ["value"]
    assert json.loads(empty.to_json()) == []
    assert "<tbody>\n</tbody>" in empty._repr_html_()


def test_json(session: spanql.Session, tmp_path: Path) -> None:
    result = session.sql(EMAILS)
    rows = json.loads(result.to_json())
    assert lowered([row["value"] for row in rows]) == EXPECTED
    assert result.to_json(tmp_path / "out.json") == 3
    assert json.loads((tmp_path / "out.json").read_text()) == rows
    assert result.to_json(str(tmp_path / "out.ndjson")) == 3
    assert [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()] == rows


def test_a_failed_write_leaves_no_file(session: spanql.Session, tmp_path: Path) -> None:
    failing = session.sql("SELECT 1 / (n - 9999) AS x FROM (SELECT value AS n FROM range(20000))")
    with pytest.raises(spanql.QueryError, match=r"[Dd]ivide"):
        failing.to_json(tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(spanql.FileError, match="absent"):
        session.sql("SELECT 1 AS one").to_json(tmp_path / "absent" / "out.json")


def test_an_error_in_mid_stream_reaches_every_consumer(session: spanql.Session) -> None:
    failing = session.sql("SELECT 1 / (value - 9999) AS x FROM range(20000)")
    with pytest.raises(spanql.QueryError, match=r"[Dd]ivide"):
        failing.to_arrow()
    with pytest.raises(Exception, match=r"[Dd]ivide"):
        pa.table(failing)


def test_previews(session: spanql.Session) -> None:
    result = session.sql("SELECT '<b>&' || value AS \"<i>\" FROM range(30)")
    html = result._repr_html_()
    assert "&lt;b&gt;&amp;0" in html
    assert "&lt;i&gt;" in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert html.count("<tr>") == 21
    assert "there are more" in html
    assert "there are more" not in session.sql("SELECT value FROM range(20)")._repr_html_()
    assert repr(session.sql("SELECT 1 AS one")) == "<spanql.Result [one: Int64]>"


def test_entities_are_readable_in_previews(session: spanql.Session) -> None:
    html = session.sql("SELECT extract_entities(text) AS found FROM documents ORDER BY doc_id")._repr_html_()
    assert ">EMAIL</span> Ann@Example.com<br>" in html
    assert "span_start" not in html.split("</thead>")[1]
    many = session.sql("SELECT extract_entities(repeat('x@y.io ', 20)) AS found, NULL AS n")._repr_html_()
    assert "… 12 more" in many
    assert "NULL" in many


def test_long_words_are_broken_before_a_column_is_cut_off(session: spanql.Session) -> None:
    link = "https://www.example.org/a/long/way/to/go"
    html = session.sql(f"SELECT '{link}' AS link, 'short' AS word, extract_entities('{link}') AS found")._repr_html_()
    cells = html.split("<td style=")[1:]
    assert ["overflow-wrap:anywhere" in cell for cell in cells] == [True, False, True]


def test_batches(session: spanql.Session) -> None:
    result = session.sql("SELECT value AS n FROM range(10000)")
    batches = list(result)
    assert all(isinstance(batch, pa.RecordBatch) for batch in batches)
    assert pa.Table.from_batches(batches).num_rows == 10_000
    # More rows than any memory holds: the first come at once, and leaving the loop stops the query.
    for batch in session.sql("SELECT value AS n FROM range(1000000000000)"):
        assert batch.num_rows > 0
        break
    with pytest.raises(spanql.QueryError, match=r"[Dd]ivide"):
        list(session.sql("SELECT 1 / (value - 9999) AS x FROM range(20000)"))


def test_an_iterator_is_for_one_thread_at_a_time(session: spanql.Session) -> None:
    batches = iter(session.sql("SELECT sum(a.value * b.value) AS x FROM range(20000) AS a, range(20000) AS b"))
    ended: list[object] = []

    def take() -> None:
        try:
            ended.append(next(batches))
        except ValueError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(end, pa.RecordBatch) for end in ended) == 1
    assert len(ended) == 3


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.ndjson", "out.parquet", "out.arrow", "out.txt"])
def test_write(session: spanql.Session, tmp_path: Path, name: str) -> None:
    assert session.sql(EMAILS).write(tmp_path / name) == 3
    assert (tmp_path / name).stat().st_size > 0
    assert session.sql(EMAILS).write(str(tmp_path / "named"), format="csv") == 3
    assert lowered((tmp_path / "named").read_text().splitlines()[1:]) == EXPECTED


def test_write_refuses(session: spanql.Session, tmp_path: Path) -> None:
    for path, format in ((tmp_path / "a.xlsx", None), (tmp_path / "a.csv", "xlsx")):
        with pytest.raises(spanql.UsageError, match="xlsx"):
            session.sql(EMAILS).write(path, format)
    with pytest.raises(spanql.FileError, match="absent"):
        session.sql(EMAILS).write(tmp_path / "absent" / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_explain(session: spanql.Session) -> None:
    result = session.sql("SELECT value FROM entities WHERE label = 'EMAIL'")
    plan = result.explain()
    assert "ExtractExec" in plan
    assert "output_rows" not in plan
    assert "output_rows" in result.explain(analyze=True)
    with pytest.raises(spanql.QueryError):
        session.sql("SELECT 1 / 0 AS x").explain(analyze=True)


def run(script: str) -> None:
    # Isolated: from the source folder, `import spanql` would find the sources without the built module.
    subprocess.run([sys.executable, "-I", "-c", MEMORY + script], check=True, timeout=300)


MEMORY = """
import gc, os, re
import pyarrow as pa
import spanql
session = spanql.connect(memory_limit="1GB")
def rss():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_short_strings_keep_no_documents() -> None:
    # Each result is made of 100 MB of documents, and is asked for views: these point into buffers.
    run("""
result = session.sql(
    "SELECT entity_values(repeat('filler ', 140000) || value || ' someone.with.a.long.name@example.com', 'EMAIL')[1]"
    " AS found FROM range(100)"
)
wanted = pa.schema([("found", pa.string_view())])
def read():
    return pa.RecordBatchReader.from_stream(result, schema=wanted).read_all()
assert read()["found"].to_pylist() == ["someone.with.a.long.name@example.com"] * 100
text = "x" * 1_000_000 + " someone.with.a.long.name@example.com"
def extract():
    return spanql.extract_entities(pa.chunked_array([pa.array([text])] * 100), "EMAIL")
assert extract().get_total_buffer_size() < 1_000_000
before = rss()
kept = [read() for _ in range(10)] + [extract() for _ in range(10)]
assert rss() - before < 300, (before, rss())
""")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_wide_results_stream() -> None:
    # Half a gigabyte; the bench does the same with five.
    run("""
result = session.sql("SELECT repeat('wide ', 400) || value AS text FROM range(125000)")
rows = 0
for batch in result:
    rows += batch.num_rows
for batch in pa.RecordBatchReader.from_stream(result):
    rows += batch.num_rows
assert rows == 250000
assert peak() < 400, peak()
""")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_long_rows_stream(tmp_path: Path) -> None:
    # Half a gigabyte in rows of 100 KB: 2,048 of them, a batch of short ones, are 200 MB.
    rows = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(tmp_path / "long.parquet", rows, compression="zstd", use_dictionary=False) as file:
        for start in range(0, 5_000, 500):
            texts = [f"{i} " + "wide " * 20_000 for i in range(start, start + 500)]
            file.write_table(pa.table({"text": texts}), row_group_size=500)
    run(f"""
session.register("long", {str(tmp_path / "long.parquet")!r})
result = session.sql("SELECT text FROM long")
rows = 0
for batch in result:
    rows += batch.num_rows
for batch in pa.RecordBatchReader.from_stream(result):
    rows += batch.num_rows
assert rows == 10_000
assert peak() < 400, peak()
""")


def served(query: str, *wanted: pa.Field) -> pa.Table:
    result = spanql.connect().sql(query)
    return pa.RecordBatchReader.from_stream(result, schema=pa.schema(wanted)).read_all()


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("SELECT 1 AS a, 2 AS b", [pa.field("b", pa.int64()), pa.field("a", pa.int64())]),
        ("SELECT 1 AS a", [pa.field("b", pa.int64())]),
        ("SELECT 1 AS a", [pa.field("a", pa.int64()), pa.field("b", pa.int64())]),
        ("SELECT 'abc' AS a", [pa.field("a", pa.int64())]),
        ("SELECT 5000000000 AS a", [pa.field("a", pa.int32())]),
        ("SELECT 9007199254740993 AS a", [pa.field("a", pa.float64())]),
        ("SELECT 1 AS a", [pa.field("a", pa.string())]),
        ("SELECT 1.7 AS a", [pa.field("a", pa.int64())]),
        ("SELECT arrow_cast(-1, 'Int32') AS a", [pa.field("a", pa.uint64())]),
        ("SELECT TIMESTAMP '2026-01-01T00:00:00.5' AS a", [pa.field("a", pa.timestamp("s"))]),
        ("SELECT TIMESTAMP '2026-01-01T00:00:00' AS a", [pa.field("a", pa.timestamp("ns", "Asia/Shanghai"))]),
        ("SELECT nullif(value, 0) AS a FROM range(2)", [pa.field("a", pa.int64(), nullable=False)]),
        ("SELECT ['abc'] AS a", [pa.field("a", pa.list_(pa.int64()))]),
        ("SELECT named_struct('x', 'abc') AS a", [pa.field("a", pa.struct([("y", pa.string())]))]),
        ("SELECT 'abc' AS a", [pa.field("a", pa.dictionary(pa.int8(), pa.string()))]),
    ],
)
def test_a_schema_that_would_change_values_is_not_served(query: str, wanted: list[Any]) -> None:
    assert served(query, *wanted) == spanql.connect().sql(query).to_arrow()


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("SELECT 'abc' AS a", pa.large_string()),
        ("SELECT 'abc' AS a", pa.dictionary(pa.int32(), pa.string())),
        ("SELECT arrow_cast('abc', 'Dictionary(Int32, Utf8)') AS a", pa.string_view()),
        ("SELECT arrow_cast(1, 'Int32') AS a", pa.int64()),
        ("SELECT arrow_cast(1, 'Int32') AS a", pa.float64()),
        ("SELECT arrow_cast(255, 'UInt8') AS a", pa.int16()),
        ("SELECT arrow_cast(1.5, 'Float32') AS a", pa.float64()),
        ("SELECT ['abc', NULL] AS a", pa.large_list(pa.large_string())),
        ("SELECT named_struct('x', 'abc') AS a", pa.struct([("x", pa.large_string())])),
        ("SELECT arrow_cast('2026-01-01T00:00:00.5', 'Timestamp(Millisecond, None)') AS a", pa.timestamp("us")),
        ("SELECT NULL AS a", pa.string()),
    ],
)
def test_a_schema_that_keeps_values_is_served(query: str, kind: pa.DataType) -> None:
    table = served(query, pa.field("a", kind))
    assert table.schema.field("a").type == kind
    assert table.to_pylist() == spanql.connect().sql(query).to_arrow().to_pylist()


def test_a_time_that_a_finer_unit_cannot_hold_is_no_null() -> None:
    query = "SELECT arrow_cast('3000-01-01T00:00:00', 'Timestamp(Second, None)') AS a"
    with pytest.raises(Exception, match=r"[Oo]verflow"):
        served(query, pa.field("a", pa.timestamp("ns")))


def test_errors_of_writing_are_for_python_too(session: spanql.Session, tmp_path: Path) -> None:
    with pytest.raises(spanql.UsageError) as unnamed:
        session.sql(EMAILS).write(tmp_path / "x.csv.gz")
    with pytest.raises(spanql.UsageError) as copied:
        session.sql("COPY (SELECT 1) TO 'x.csv'")
    assert "--format" not in str(unnamed.value) + str(copied.value)
    with pytest.raises(spanql.FileError, match="absent") as absent:
        session.sql(EMAILS).write(tmp_path / "absent" / "x.csv")
    assert ".tmp" not in str(absent.value)
