"""`extract_entities`, `ner` and `redact` over lists and columns, and the further keys of `extract_and_aggregate`."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import spanql
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = ["Write to Ann@Example.com", None, "nobody", "邮箱：bob@example.org，谢谢 😀"]
VALUES = [["ann@example.com"], None, [], ["bob@example.org"]]
REDACTED = ["Write to [EMAIL]", None, "nobody", "邮箱：[EMAIL]，谢谢 😀"]


def values(answers: Any) -> list[list[str] | None]:
    return [None if row is None else [entity["value"] for entity in row] for row in answers]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_columns_of_pyarrow(kind: pa.DataType) -> None:
    column = pa.array(TEXTS, pa.string()).cast(kind) if pa.types.is_dictionary(kind) else pa.array(TEXTS, kind)
    for texts in (column, pa.chunked_array([column[:1], column[1:]])):
        found = spanql.extract_entities(texts, "EMAIL")
        assert isinstance(found, pa.ChunkedArray)
        assert "view" not in str(found.type)
        assert values(found.to_pylist()) == VALUES
        assert spanql.redact(texts, ["EMAIL"]).to_pylist() == REDACTED


@pytest.mark.parametrize("make", [list, tuple, iter, lambda texts: (text for text in texts)])
def test_strings_give_pyarrow(make: Callable[[Any], Any]) -> None:
    found = spanql.extract_entities(make(TEXTS), labels=["EMAIL"])
    assert isinstance(found, pa.ChunkedArray)
    assert values(found.to_pylist()) == VALUES
    assert spanql.redact(make(TEXTS)).to_pylist() == REDACTED


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical])
def test_polars_gives_polars(kind: Any) -> None:
    texts = pl.Series("body", TEXTS).cast(kind)
    found = spanql.extract_entities(texts, "EMAIL")
    assert isinstance(found, pl.Series)
    assert found.name == "body"
    assert values(found.to_list()) == VALUES
    redacted = spanql.redact(texts, "EMAIL")
    assert (redacted.name, redacted.to_list()) == ("body", REDACTED)
    assert redacted.dtype == pl.String()


@pytest.mark.parametrize("kind", ["str", object, "string[pyarrow]", "category"])
def test_pandas_gives_pandas(kind: Any) -> None:
    texts = pd.Series(TEXTS, name="body", index=[4, 3, 2, 1], dtype=kind)
    found = spanql.extract_entities(texts, "EMAIL")
    assert isinstance(found, pd.Series)
    assert (found.name, list(found.index)) == ("body", [4, 3, 2, 1])
    assert values(None if row is pd.NA or row is None else row for row in found) == VALUES
    redacted = spanql.redact(texts, "EMAIL")
    assert (redacted.name, list(redacted.index)) == ("body", [4, 3, 2, 1])
    assert [None if pd.isna(text) else text for text in redacted] == REDACTED
    if kind != "category":
        assert redacted.dtype == texts.dtype


def test_many_texts_are_answered_in_order() -> None:
    texts = [f"{'long ' * (i % 50)}u{i}@example.com" if i % 3 else f"{i} 中" for i in range(70_000)]
    found = spanql.extract_entities(texts, "EMAIL")
    assert len(found) == len(texts)
    assert found.num_chunks < 5, "pieces are put together again"
    expected = [[f"u{i}@example.com"] if i % 3 else [] for i in range(len(texts))]
    assert values(found.to_pylist()) == expected


def test_no_texts() -> None:
    assert spanql.extract_entities([]).to_pylist() == []
    assert spanql.extract_entities([]).type == spanql.extract_entities(["x"]).type
    assert spanql.extract_entities([None, None]).to_pylist() == [None, None]
    assert spanql.redact(pa.nulls(2)).to_pylist() == [None, None]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40) | st.just("x@y.io 中 +8613812345678"), max_size=5))
def test_spans_slice_the_texts(texts: list[str]) -> None:
    for text, found in zip(texts, spanql.extract_entities(texts).to_pylist(), strict=True):
        for entity in found:
            assert text[entity["span_start"] : entity["span_end"]] == entity["entity"]


def test_the_tagger() -> None:
    [found] = spanql.ner(["The train from Paris to Berlin was late."]).to_pylist()
    assert {"Paris", "Berlin"} <= {entity["entity"] for entity in found}
    assert spanql.ner(["Paris"], model="tagger").to_pylist() == spanql.ner(["Paris"]).to_pylist()
    with pytest.raises(ValueError, match=r"nobody.*tagger"):
        spanql.ner(["x"], "nobody")


def test_styles_of_redaction(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spanql.redact(["x@y.io"], style="mask").to_pylist() == ["******"]
    with pytest.raises(ValueError, match="blur"):
        spanql.redact(["x"], style="blur")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="key"):
        spanql.redact(["x"], style="hash")
    monkeypatch.setenv("SPANQL_REDACT_KEY", "00112233445566778899aabbccddeeff")
    first, second = spanql.redact(["x@y.io", "X@Y.io"], style="hash").to_pylist()
    assert first == second
    assert "@" not in first
    assert spanql.redact(["x@y.io"], style="hash", session=spanql.connect()).to_pylist() == [first]


def test_recognizers_of_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spanql.toml").write_text("[[recognizer]]\nlabel = 'ORDER'\npattern = '\\bORD-\\d{4}\\b'\n")
    monkeypatch.chdir(tmp_path)
    session = spanql.connect()
    assert values(spanql.extract_entities(["ORD-1234"], "ORDER", session=session).to_pylist()) == [["ORD-1234"]]
    assert spanql.redact(["ORD-1234"], session=session).to_pylist() == ["[ORDER]"]
    assert spanql.extract_and_aggregate(["ORD-1234"], labels="ORDER", session=session) == [
        {"emails": [], "ORDER": ["ORD-1234"]}
    ]
    # The configuration of the working directory is a session's.
    with pytest.raises(ValueError, match="ORDER"):
        spanql.extract_entities(["ORD-1234"], "ORDER")


@pytest.mark.parametrize("function", [spanql.extract_entities, spanql.ner, spanql.redact])
def test_what_is_no_text_is_refused(function: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"texts\[1\] is of type bytes"):
        function(["a", b"b"])
    with pytest.raises(TypeError, match=r"texts\[0\] is of type int"):
        function([1])
    for single in ("a text", b"bytes"):
        with pytest.raises(TypeError, match="give a list"):
            function(single)
    for none in (None, 7):
        with pytest.raises(TypeError):
            function(none)
    with pytest.raises(ValueError, match=r"texts\[2\] has a lone surrogate at character 3"):
        function(["ok", "fine 😀", "abc\udc80"])
    for numbers in (pa.array([1, 2]), pl.Series([1, 2]), pd.Series([1, 2])):
        with pytest.raises(TypeError, match=r"must be a string, not Int64"):
            function(numbers)


def test_labels_that_there_are_not() -> None:
    for labels in ("EMIAL", ["EMAIL", "EMIAL"]):
        with pytest.raises(ValueError, match=r"EMIAL.*EMAIL"):
            spanql.extract_entities(["x"], labels)
    with pytest.raises(ValueError, match="no label"):
        spanql.extract_entities(["x"], [])
    with pytest.raises(TypeError):
        spanql.extract_entities(["x"], 5)  # type: ignore[call-overload]


def test_further_keys() -> None:
    texts = ["Bob@Example.com, see https://example.org or +86 138 1234 5678", "nothing", "https://a.io https://a.io"]
    answers = spanql.extract_and_aggregate(texts, labels=["URL", "EMAIL"])
    assert answers == [
        {"emails": ["bob@example.com"], "URL": ["https://example.org"], "EMAIL": ["bob@example.com"]},
        {"emails": [], "URL": [], "EMAIL": []},
        {"emails": [], "URL": ["https://a.io", "https://a.io"], "EMAIL": []},
    ]
    assert list(answers[0]) == ["emails", "URL", "EMAIL"]
    assert [{"emails": a["emails"]} for a in answers] == spanql.extract_and_aggregate(texts)
    everything = spanql.extract_and_aggregate(texts, "*")
    assert everything[0]["URL"] == ["https://example.org"]
    assert everything[0]["PHONE"] == ["+8613812345678"]
    many = [f"https://example.org/{i}" for i in range(20_000)]
    assert spanql.extract_and_aggregate(many, labels="URL") == [{"emails": [], "URL": [text]} for text in many]
    assert spanql.extract_and_aggregate([], labels="URL") == []
    with pytest.raises(ValueError, match="EMIAL"):
        spanql.extract_and_aggregate(["x"], labels="EMIAL")
    # Without labels any string has its old answer.
    with pytest.raises(ValueError, match=r"texts\[0\] has a lone surrogate"):
        spanql.extract_and_aggregate(["\udc80"], labels="URL")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_an_engine_of_its_own() -> None:
    expected = spanql.redact(["to x@y.io"]).to_pylist()
    child = os.fork()
    if child == 0:
        os._exit(0 if spanql.redact(["to x@y.io"]).to_pylist() == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    "work",
    [
        lambda session: session.sql("SELECT sum(a.value * b.value) AS x FROM range(9000) a, range(9000) b").to_arrow(),
        lambda session: session.sql("SELECT sum(a.value * b.value) AS x FROM range(9000) a, range(9000) b").to_json(),
        lambda session: spanql.extract_entities(["some text with x@y.io " * 100] * 500),
    ],
)
def test_other_threads_run_meanwhile(work: Callable[[spanql.Session], Any]) -> None:
    session = spanql.connect()
    steps = 0
    done = threading.Event()

    def count() -> None:
        nonlocal steps
        while not done.is_set():
            steps += 1
            time.sleep(0)  # gives up the GIL

    thread = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    # Nobody is made to give up the GIL: the thread gets in only where the call lets it.
    sys.setswitchinterval(1_000)
    try:
        thread.start()
        before = steps
        work(session)
        assert steps > before
    finally:
        done.set()
        sys.setswitchinterval(interval)
        thread.join()


@pytest.mark.parametrize("labels", [["URL", "URL"], "URL, URL", ["URL", "EMAIL,URL"]])
def test_a_label_named_twice_is_one_key(labels: Any) -> None:
    [answer] = spanql.extract_and_aggregate(["ann@example.com saw https://example.org"], labels=labels)
    assert answer["URL"] == ["https://example.org"]
    assert list(answer)[:2] == ["emails", "URL"]


def test_no_label_takes_the_place_of_the_old_answer(tmp_path: Path) -> None:
    (tmp_path / "spanql.toml").write_text("[[recognizer]]\nlabel = 'emails'\npattern = 'zz'\n")
    session = spanql.connect(config=tmp_path / "spanql.toml")
    for labels in ("emails", "*"):
        with pytest.raises(spanql.UsageError, match=r"labels: .emails. is the key"):
            spanql.extract_and_aggregate(["a@b.cc zz"], labels=labels, session=session)


@pytest.mark.parametrize("make", [set, tuple, iter, dict.fromkeys, lambda labels: (label for label in labels)])
def test_labels_are_any_iterable(make: Callable[[Any], Any]) -> None:
    assert spanql.redact(["x@y.io https://a.io"], make(["EMAIL"])).to_pylist() == ["[EMAIL] https://a.io"]
    assert spanql.extract_and_aggregate(["x"], labels=make(["URL"])) == [{"emails": [], "URL": []}]


def test_labels_of_other_types_are_refused_in_words() -> None:
    functions: list[Callable[[Any], Any]] = [
        lambda labels: spanql.redact(["x"], labels),
        lambda labels: spanql.extract_entities(["x"], labels),
        lambda labels: spanql.extract_and_aggregate(["x"], labels=labels),
        spanql.udf.entity_values,
    ]
    for function in functions:
        with pytest.raises(TypeError, match=r"^labels is of type int: give a str or an iterable of str"):
            function(5)
        with pytest.raises(TypeError, match=r"^labels\[1\] is of type NoneType: give a str"):
            function(["EMAIL", None])


def test_polars_without_any_text() -> None:
    nothing = pl.Series("body", [None, None])
    assert nothing.dtype == pl.Null()
    assert spanql.extract_entities(nothing, "EMAIL").to_list() == [None, None]
    redacted = spanql.redact(nothing)
    assert (redacted.name, redacted.to_list(), redacted.dtype) == ("body", [None, None], pl.String())


@pytest.mark.parametrize(
    "make",
    [
        pd.Index,
        pd.Categorical,
        lambda texts: pd.Series(texts).array,
        lambda texts: pd.Series(texts, dtype=object).array,
        lambda texts: pd.Series(texts).unique(),
        lambda texts: pd.array(texts, dtype="string"),
        lambda texts: pd.Index(texts, name="body"),
    ],
)
def test_columns_of_pandas_that_are_no_series(make: Callable[[list[str | None]], Any]) -> None:
    texts = make(TEXTS)
    redacted = spanql.redact(texts)
    assert isinstance(redacted, pd.Series)
    assert (list(redacted.index), redacted.name) == ([0, 1, 2, 3], getattr(texts, "name", None))
    assert [None if pd.isna(text) else text for text in redacted] == REDACTED
    found = spanql.extract_entities(texts, "EMAIL")
    assert isinstance(found, pd.Series)
    assert values(None if row is pd.NA or row is None else row for row in found) == VALUES


def test_what_is_missing_stays_what_it_was() -> None:
    texts = pd.Series(["x@y.io", None, float("nan"), pd.NA], dtype=object, index=[1, 1, 2, 3], name="body")
    redacted = spanql.redact(texts)
    assert (redacted.dtype, redacted.name, list(redacted.index)) == (object, "body", [1, 1, 2, 3])
    first, none, nan, na = redacted
    assert (first, none, na) == ("[EMAIL]", None, pd.NA)
    assert isinstance(nan, float)


@pytest.mark.parametrize("function", [spanql.extract_entities, spanql.ner, spanql.redact])
def test_pandas_names_the_text_that_is_none(function: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"texts\[2\] is of type int"):
        function(pd.Series(["a", None, 1], dtype=object, index=[7, 8, 9]))
    with pytest.raises(ValueError, match=r"texts\[1\] has a lone surrogate at character 3"):
        function(pd.Series([float("nan"), "abc\udc80"], dtype=object))
