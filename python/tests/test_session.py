import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import spanql


def only(result: spanql.Result) -> Any:
    [row] = result.to_arrow().to_pylist()
    [value] = row.values()
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**63),
        1.5,
        "it's 中 😀",
        b"\0\xff",
        dt.date(2026, 11, 22),
        dt.date(1, 1, 1),
        dt.datetime(2026, 11, 22, 8, 30, 0, 123456),
        dt.datetime(2026, 11, 22, 8, 30, tzinfo=dt.timezone.utc),
    ],
)
def test_parameters_come_back_as_they_were(value: Any) -> None:
    session = spanql.connect()
    assert only(session.sql("SELECT $1 AS x", [value])) == value
    assert only(session.sql("SELECT $x AS x", {"x": value})) == value
    assert only(session.sql("SELECT $x AS x", x=value)) == value


def test_times_of_other_zones_are_the_same_moment() -> None:
    moment = dt.datetime(2026, 11, 22, 8, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    assert only(spanql.connect().sql("SELECT $1 AS x", [moment])) == moment


def test_bad_parameters() -> None:
    session = spanql.connect()
    with pytest.raises(TypeError, match=r"\$1 is of type object"):
        session.sql("SELECT $1", [object()])  # type: ignore[list-item]
    with pytest.raises(spanql.UsageError, match=r"\$x.*64 bits"):
        session.sql("SELECT $x", x=2**63)
    with pytest.raises(spanql.UsageError, match="not both"):
        session.sql("SELECT $1", [1], x=2)
    with pytest.raises(spanql.UsageError, match=r"\$x is given twice"):
        session.sql("SELECT $x", {"x": 1}, x=2)
    with pytest.raises(spanql.QueryError, match=r"\$1"):
        session.sql("SELECT $1 AS x").to_arrow()


@pytest.mark.parametrize("query", ["SELEC 1", "SELECT * FROM nowhere", "SELECT nothing(1)", "SELECT 1; SELECT 2", ""])
def test_bad_queries_fail_when_they_are_planned(query: str) -> None:
    with pytest.raises(spanql.QueryError):
        spanql.connect().sql(query)


def test_unknown_labels_name_the_known_ones(session: spanql.Session) -> None:
    with pytest.raises(spanql.QueryError, match=r"EMIAL.*EMAIL"):
        session.sql("SELECT entity_values(text, 'EMIAL') FROM documents")


@pytest.mark.parametrize("make", [pa.table, pd.DataFrame, pl.DataFrame, pa.RecordBatch.from_pydict])
def test_anything_arrow_can_be_a_table(make: Any) -> None:
    session = spanql.connect()
    session.register("notes", make({"id": [1, 2], "text": ["mail bob@example.com", "中 ann@example.org"]}))
    result = session.sql("SELECT id, entity_values(text, 'EMAIL') AS found FROM notes ORDER BY id")
    assert result.to_arrow().to_pylist() == [
        {"id": 1, "found": ["bob@example.com"]},
        {"id": 2, "found": ["ann@example.org"]},
    ]
    # A second one takes the name.
    session.register("notes", result)
    assert only(session.sql("SELECT count(*) AS n FROM notes WHERE cardinality(found) = 1")) == 2


def test_a_stream_that_python_writes_and_that_fails() -> None:
    def batches() -> Any:
        yield pa.record_batch({"x": [1]})
        raise ValueError("the disk is gone")

    schema = pa.schema([("x", pa.int64())])
    with pytest.raises(spanql.Error, match="the disk is gone"):
        spanql.connect().register("t", pa.RecordBatchReader.from_batches(schema, batches()))


def test_what_is_no_table_is_refused(session: spanql.Session) -> None:
    with pytest.raises(TypeError, match="int is no Arrow table"):
        session.register("t", 5)  # type: ignore[arg-type]
    with pytest.raises(spanql.UsageError, match="documents"):
        session.register("documents", pa.table({"x": [1]}))


def test_reports(session: spanql.Session, tmp_path: Path) -> None:
    rows = session.report("top_domains").to_arrow().to_pylist()
    assert rows
    with pytest.raises(spanql.UsageError, match="top_domains"):
        session.report("top_domain")
    with pytest.raises(spanql.UsageError, match="nonsense"):
        session.report("top_domains", nonsense=1)
    with pytest.raises(spanql.FileError, match=r"absent\.sql"):
        session.report(tmp_path / "absent.sql")


def test_gazetteers_lie_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "spanql.toml").write_text("[[recognizer]]\nlabel = 'TEA'\ngazetteer = 'tea.csv'\n")
    (tmp_path / "tea.csv").write_text("龙井,Longjing\n", encoding="utf-8")
    session = spanql.connect(config=tmp_path / "spanql.toml")
    found = session.sql("SELECT entity_values('西湖龙井茶', 'TEA') AS found").to_arrow().to_pylist()
    assert found == [{"found": ["Longjing"]}]
    (tmp_path / "tea.csv").unlink()
    with pytest.raises(spanql.ConfigError, match=r"spanql\.toml:3: .*tea\.csv"):
        spanql.connect(config=tmp_path / "spanql.toml")


def test_stores_and_configurations_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(spanql.StoreError, match="spanql ingest"):
        spanql.connect(tmp_path / "absent")
    with pytest.raises(spanql.FileError, match=r"absent\.toml") as caught:
        spanql.connect(config=tmp_path / "absent.toml")
    assert isinstance(caught.value, OSError)
    config = tmp_path / "spanql.toml"
    config.write_text("[[recognizer]]\nlabel = 'A'\npattern = '(x'\n")
    with pytest.raises(spanql.ConfigError, match=r"spanql\.toml:3"):
        spanql.connect(config=config)
    with pytest.raises(spanql.UsageError, match="much"):
        spanql.connect(memory_limit="much")


def test_recognizers_of_your_own(tmp_path: Path) -> None:
    config = tmp_path / "spanql.toml"
    config.write_text("[[recognizer]]\nlabel = 'ORDER'\npattern = '\\bORD-\\d{4}\\b'\n")
    session = spanql.connect(config=config, memory_limit="256MB")
    assert only(session.sql("SELECT entity_values('see ORD-1234', 'ORDER') AS x")) == ["ORD-1234"]


def test_ingest(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.csv"
    first.write_text("one ann@example.com\n\ntwo\n")
    second.write_text("body,when\nbob@example.com,2026-11-22\n")
    store = tmp_path / "new.store"
    assert spanql.ingest([first], store, document="line")["documents"] == 2
    session = spanql.connect(store)
    assert only(session.sql("SELECT count(*) AS n FROM documents")) == 2
    summary = session.ingest(str(second), text="body", time="when", codec="zstd:3")
    assert (summary["documents"], summary["sources"], summary["skipped_sources"]) == (1, 1, 0)
    assert only(session.sql("SELECT count(*) AS n FROM documents")) == 3
    assert spanql.ingest([first], store)["skipped_sources"] == 1
    with pytest.raises(TypeError, match=r"no option .txt."):
        spanql.ingest([first], store, txt="body")  # type: ignore[call-arg]
    with pytest.raises(spanql.UsageError, match="chapter"):
        spanql.ingest([first], store, document="chapter")  # type: ignore[arg-type]
    with pytest.raises(spanql.Error, match=r"absent\.jsonl"):
        spanql.ingest(tmp_path / "absent.jsonl", store)
    with pytest.raises(spanql.UsageError, match=r"spanql\.ingest"):
        spanql.connect().ingest(first)


def test_ingest_takes_any_encoding_and_what_has_changed(tmp_path: Path) -> None:
    post = tmp_path / "posts.csv"
    post.write_bytes("text;n\n写信给 a@example.com，谢谢;1\n".encode("gb18030"))
    store = tmp_path / "store"
    assert spanql.ingest(post, store, encoding="gbk", delimiter=";")["documents"] == 1
    assert only(spanql.connect(store).sql("SELECT text FROM documents")) == "写信给 a@example.com，谢谢"
    post.write_bytes(b"text;n\nto \xff b@example.com;2\n")
    assert spanql.ingest(post, store)["changed_sources"] == 1
    again = spanql.ingest(post, store, encoding="utf-8", bad_bytes="replace", changed="replace", quote='"')
    assert (again["replaced_sources"], again["replaced"]) == (1, 1)
    assert only(spanql.connect(store).sql("SELECT value FROM entities WHERE label = 'EMAIL'")) == "b@example.com"
    with pytest.raises(spanql.UsageError, match="character"):
        spanql.ingest(post, store, delimiter="ab")
    with pytest.raises(spanql.UsageError, match="klingon"):
        spanql.ingest(post, store, encoding="klingon")


def test_what_is_no_moment_is_null() -> None:
    session = spanql.connect()
    assert only(session.sql("SELECT $1 AS x", [pd.NaT])) is None
    dates = pa.table({"d": [dt.datetime(2020, 1, 1)]})
    assert only(session.sql("SELECT count(*) AS n FROM dates WHERE d > $1", [pd.NaT])) == 0
    assert dates.num_rows == 1


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_nanoseconds_are_not_cut(zone: str | None) -> None:
    session = spanql.connect()
    moment = pd.Timestamp("2026-01-01T09:02:03.123456789", tz=zone)
    [column] = session.sql("SELECT $1 AS x", [moment]).to_arrow().columns
    assert column.type == pa.timestamp("ns", None if zone is None else "UTC")
    assert column.cast(pa.int64()).to_pylist() == [moment.value]
    whole = pd.Timestamp("2026-01-01", tz=zone)
    assert only(session.sql("SELECT $1 AS x", [whole])) == whole


def test_parameters_have_names() -> None:
    session = spanql.connect()
    assert only(session.sql("SELECT $1 AS x", params=[1])) == 1
    assert only(session.sql("SELECT $x AS x", params={"x": 1})) == 1
    assert only(session.sql(query="SELECT $x AS x", x=1)) == 1
    assert only(session.sql("SELECT concat($query, $params) AS x", {"query": "a", "params": "b"})) == "ab"
    for single in (5, "a", b"a"):
        with pytest.raises(TypeError, match=rf"^params is of type {type(single).__name__}: give a list .* in a dict"):
            session.sql("SELECT $params", params=single)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (Decimal("1.10"), Decimal("1.10")),
        (Decimal("-12E+3"), Decimal(-12000)),
        (Decimal("0.001"), Decimal("0.001")),
        (dt.time(1, 2, 3, 456789), dt.time(1, 2, 3, 456789)),
        (["a", None], ["a", None]),
        ((1, 2.5), [1.0, 2.5]),
        ([1, Decimal("2.5")], [Decimal("1.0"), Decimal("2.5")]),
        ([np.int32(1), 2], [1, 2]),
        ([dt.date(2026, 1, 1)], [dt.date(2026, 1, 1)]),
        ([[1], [2, 3]], [[1], [2, 3]]),
        ([], []),
        (np.array([1, 2]), [1, 2]),
        (pd.NA, None),
        ([1, pd.NA], [1, None]),
        (np.datetime64("NaT"), None),
        (np.timedelta64("NaT"), None),
        (np.datetime64("2026-11-22"), dt.date(2026, 11, 22)),
        (np.datetime64("1969-12-31T23:59"), dt.datetime(1969, 12, 31, 23, 59)),
        (np.datetime64("2026-11-22T08:30:00.000000001"), pd.Timestamp("2026-11-22T08:30:00.000000001")),
        (np.array(["2026-11-22", "NaT"], "datetime64[D]"), [dt.date(2026, 11, 22), None]),
    ],
)
def test_parameters_of_further_types(value: Any, expected: Any) -> None:
    assert only(spanql.connect().sql("SELECT $1 AS x", [value])) == expected


@pytest.mark.parametrize(
    "day",
    [dt.timedelta(days=1), pd.Timedelta(days=1), np.timedelta64(1, "D"), np.timedelta64(86_400_000_000_000, "ns")],
)
def test_spans_of_time_are_added_to_times(day: Any) -> None:
    session = spanql.connect()
    moment = dt.datetime(2026, 3, 1, 8, 30)
    assert only(session.sql("SELECT $1 - $2 AS x", [moment, day])) == dt.datetime(2026, 2, 28, 8, 30)
    assert only(session.sql("SELECT $1 - $2 AS x", [moment.date(), day])) == dt.date(2026, 2, 28)
    assert only(session.sql("SELECT now() - CAST($1 AS INTERVAL) < now() AS x", [day])) is True


def test_spans_of_time_may_be_of_nanoseconds() -> None:
    moment = pd.Timestamp("2026-01-01T00:00:00.000000003")
    less = pd.Timestamp("2026-01-01T00:00:00.000000001")
    assert only(spanql.connect().sql("SELECT $1 - $2 AS x", [moment, pd.Timedelta(2, unit="ns")])) == less


def test_lists_are_for_the_functions_of_arrays() -> None:
    session = spanql.connect()
    assert only(session.sql("SELECT array_has($1, 'a') AS x", [["a", "b"]])) is True
    assert only(session.sql("SELECT array_has($1, 'c') AS x", [("a", "b")])) is False


def test_values_that_do_not_fit() -> None:
    session = spanql.connect()
    itself: list[Any] = []
    itself.append(itself)
    for value, error, message in (
        (Decimal("1" * 39), ValueError, r"\$1: 1{39} has more than 38 digits"),
        (Decimal("1e1000000"), ValueError, "38 digits"),
        (Decimal("NaN"), ValueError, "NaN is no decimal number"),
        (dt.time(1, tzinfo=dt.timezone.utc), ValueError, "no zone"),
        ([1, "a"], TypeError, "one type, not Int64 and Utf8"),
        ([1, object()], TypeError, r"\$1\[1\] is of type object"),
        (itself, ValueError, "nested"),
        (np.datetime64("3000-01-01T00:00"), ValueError, r"\$1: 3000-01-01T00:00 does not fit in 64 bits of nano"),
        (np.timedelta64(1, "M"), ValueError, r"\$1: 1 months has no length"),
        (dt.timedelta(days=999_999), ValueError, "longer than 292 years"),
        (np.longdouble(2), TypeError, r"\$1 is of type longdouble"),
    ):
        with pytest.raises(error, match=message):
            session.sql("SELECT $1 AS x", [value])


def test_parameters_that_the_statement_has_not() -> None:
    session = spanql.connect()
    with pytest.raises(spanql.UsageError, match=r"no parameter \$2: it has \$1"):
        session.sql("SELECT $1 AS x", [1, 2])
    with pytest.raises(spanql.UsageError, match=r"no parameter \$b: it has \$a"):
        session.sql("SELECT $a AS x", a=1, b=2)
    for query in ("SELECT '$a' AS x", "SELECT 1 AS x -- $a"):
        with pytest.raises(spanql.UsageError, match=r"no parameter \$a: it has none"):
            session.sql(query, {"a": 1})


def test_sizes_and_paths_that_are_none() -> None:
    for limit, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError), ([1], TypeError)):
        with pytest.raises(error, match=r"^memory_limit: "):
            spanql.connect(memory_limit=limit)  # type: ignore[arg-type]
    with pytest.raises(spanql.UsageError, match="store is an empty path"):
        spanql.connect("")


def test_ingest_takes_any_iterable_of_paths(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(f"{name}\n")
    assert spanql.ingest(tmp_path.glob("*.txt"), tmp_path / "globbed")["documents"] == 2
    assert spanql.ingest({str(tmp_path / "a.txt")}, tmp_path / "set")["documents"] == 1
    for paths, message in (
        (None, r"^paths: of type NoneType"),
        (b"a", r"^paths: of type bytes"),
        ([5], r"^paths\[0\]: of type int"),
    ):
        with pytest.raises(TypeError, match=message):
            spanql.ingest(paths, tmp_path / "none")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"text": None}, TypeError),
        ({"threads": 0}, ValueError),
        ({"threads": "2"}, TypeError),
        ({"html": "yes"}, TypeError),
        ({"codec": "x"}, ValueError),
        ({"delimiter": "ab"}, ValueError),
        ({"max_expansion": -1}, ValueError),
        ({"max_record_bytes": 1.5}, TypeError),
        ({"row_group_bytes": 0}, ValueError),
        ({"progress": "x"}, TypeError),
    ],
)
def test_errors_of_ingest_name_the_option(options: dict[str, Any], error: type[Exception], tmp_path: Path) -> None:
    [name] = options
    with pytest.raises(error, match=rf"^{name}: (?!.*(enum|extract))"):
        spanql.ingest(tmp_path, tmp_path / "store", **options)
