"""SpanQL's functions in the SQL of the package `datafusion`, called without Python in between."""

import gc
import os
from pathlib import Path
from typing import Any

import datafusion
import pyarrow as pa
import pytest
import spanql

TEXTS = ["Write to Ann@Example.com", None, "nobody", "邮箱：bob@example.org，谢谢 😀"]


def context(*functions: spanql.udf.ScalarFunction, texts: Any = TEXTS) -> datafusion.SessionContext:
    made = datafusion.SessionContext()
    for function in functions:
        made.register_udf(datafusion.udf(function))
    made.from_arrow(pa.table({"id": range(len(texts)), "text": texts}), "notes")
    return made


def column(context: datafusion.SessionContext, expression: str) -> list[Any]:
    rows = context.sql(f"SELECT {expression} AS answer FROM notes ORDER BY id").to_pylist()
    return [row["answer"] for row in rows]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_answers_are_those_of_the_package(kind: pa.DataType) -> None:
    plain = pa.array(TEXTS, pa.string())
    texts = plain.cast(kind) if pa.types.is_dictionary(kind) else pa.array(TEXTS, kind)
    functions = (spanql.udf.extract_entities(), spanql.udf.entity_values("EMAIL"), spanql.udf.redact())
    there = context(*functions, texts=texts)
    assert column(there, "extract_entities(text)") == spanql.extract_entities(TEXTS).to_pylist()
    assert column(there, "redact(text)") == spanql.redact(TEXTS).to_pylist()
    assert column(there, "entity_values(text)") == [["ann@example.com"], None, [], ["bob@example.org"]]


def test_the_tagger() -> None:
    texts = ["The train from Paris to Berlin was late."]
    assert column(context(spanql.udf.ner(), texts=texts), "ner(text)") == spanql.ner(texts).to_pylist()


def test_many_texts_on_all_partitions() -> None:
    texts = [f"{'long ' * (i % 50)}u{i}@example.com" if i % 3 else f"{i} 中" for i in range(50_000)]
    there = context(spanql.udf.entity_values("EMAIL"), texts=texts)
    assert column(there, "entity_values(text)") == [[f"u{i}@example.com"] if i % 3 else [] for i in range(len(texts))]
    found = there.sql("SELECT count(*) AS n FROM notes WHERE array_length(entity_values(text)) = 1").to_pylist()
    assert found == [{"n": sum(1 for i in range(len(texts)) if i % 3)}]


def test_several_with_names_of_their_own() -> None:
    phones = spanql.udf.entity_values("PHONE", name="phones")
    links = spanql.udf.entity_values(["URL", "EMAIL"], name="links")
    masked = spanql.udf.redact("EMAIL", "mask", name="masked")
    assert (phones.name, repr(links)) == ("phones", "<spanql.udf.ScalarFunction links>")
    there = context(phones, links, masked, texts=["x@y.io, https://a.io, +44 20 7946 0018"])
    assert column(there, "phones(text)") == [["+442079460018"]]
    assert column(there, "links(text)") == [["x@y.io", "https://a.io"]]
    assert column(there, "masked(text)") == ["******, https://a.io, +44 20 7946 0018"]


def test_recognizers_of_a_session_outlive_it(tmp_path: Path) -> None:
    config = tmp_path / "spanql.toml"
    config.write_text("[[recognizer]]\nlabel = 'ORDER'\npattern = '\\bORD-\\d{4}\\b'\n")
    session = spanql.connect(config=config)
    there = context(spanql.udf.redact(session=session), texts=["ORD-1234"])
    session.close()
    del session
    gc.collect()
    assert column(there, "redact(text)") == ["[ORDER]"]


def test_the_key_of_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPANQL_REDACT_KEY", raising=False)
    with pytest.raises(ValueError, match="key"):
        spanql.udf.redact(style="hash")
    monkeypatch.setenv("SPANQL_REDACT_KEY", "00112233445566778899aabbccddeeff")
    there = context(spanql.udf.redact(style="hash"), texts=["x@y.io"])
    assert column(there, "redact(text)") == spanql.redact(["x@y.io"], style="hash").to_pylist()


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(ValueError, match=r"EMIAL.*EMAIL"):
        spanql.udf.extract_entities("EMIAL")
    with pytest.raises(ValueError, match=r"nobody.*tagger"):
        spanql.udf.ner("nobody")
    with pytest.raises(ValueError, match="blur"):
        spanql.udf.redact(style="blur")  # type: ignore[arg-type]
    there = context(spanql.udf.redact())
    with pytest.raises(Exception, match="must be a string, not Int64"):
        column(there, "redact(id)")
    with pytest.raises(Exception, match="redact takes a text and nothing else"):
        column(there, "redact(text, 'EMAIL')")
    assert column(there, "redact(text)") == spanql.redact(TEXTS).to_pylist()


def test_another_datafusion_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    function = spanql.udf.redact()
    for version in ("54.1.0", "56.0.0"):
        monkeypatch.setattr(datafusion, "__version__", version)
        with pytest.raises(spanql.UsageError, match=rf"datafusion {version} cannot.*'datafusion==55\.\*'"):
            datafusion.udf(function)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_is_told() -> None:
    function = spanql.udf.redact()
    child = os.fork()
    if child == 0:
        try:
            function.__datafusion_scalar_udf__()
        except spanql.UsageError as error:
            os._exit(0 if "fork" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
