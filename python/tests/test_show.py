import sys
from typing import Any

import pandas as pd
import pytest
import spanql

TEXT = "See <b>https://example.org/?a=1&b=x@y.io</b> 😀 bob@example.com"


def test_plain() -> None:
    assert str(spanql.show("to bob@example.com!")) == "to [bob@example.com EMAIL]!"
    assert str(spanql.show("nothing")) == "nothing"
    assert str(spanql.show("")) == ""
    assert repr(spanql.show("x@y.io", "URL")) == "x@y.io"


def test_entities_within_entities() -> None:
    row = {
        "text": "ab cd",
        "found": [
            {"label": "INNER", "span_start": 3, "span_end": 5, "value": "cd"},
            {"label": "OUTER", "span_start": 0, "span_end": 5, "value": "ab cd"},
        ],
    }
    assert str(spanql.show(row)) == "[ab [cd INNER] OUTER]"
    assert str(spanql.show(row, labels=["INNER"])) == "ab [cd INNER]"
    html = spanql.show(row)._repr_html_()
    assert html.count("INNER") == 2, "in the title and behind it"
    assert html.index("INNER</sub>") < html.index("OUTER</sub>")


def test_html_is_escaped() -> None:
    html = spanql.show(TEXT)._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "URL</sub>" in html
    assert "EMAIL</sub>" in html
    evil = {"text": "x", "found": [{"label": "<i>", "span_start": 0, "span_end": 1, "value": "'><script>"}]}
    shown = spanql.show(evil)._repr_html_()
    assert "<script" not in shown
    assert "<i>" not in shown
    assert "title='&lt;i&gt;: &#x27;&gt;&lt;script&gt;'" in shown


def test_a_terminal_has_colours_and_takes_no_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = str(spanql.show("\x1b]0;evil\x07 bob@example.com"))
    assert "\x1b[2m EMAIL" in shown
    assert "\x07" not in shown
    assert "\x1b]" not in shown


def test_rows_of_results() -> None:
    session = spanql.connect()
    result = session.sql("SELECT 'mail x@y.io' AS body, extract_entities('mail x@y.io', 'EMAIL') AS found")
    [row] = result.to_arrow().to_pylist()
    assert str(spanql.show(row)) == "mail [x@y.io EMAIL]"
    assert str(spanql.show(result.to_pandas().iloc[0])) == "mail [x@y.io EMAIL]"
    assert str(spanql.show(pd.Series({"text": "mail x@y.io", "author": "bob"}))) == "mail [x@y.io EMAIL]"


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (5, TypeError, "int"),
        (None, TypeError, "NoneType"),
        ({"a": "x", "b": "y"}, ValueError, "named 'text'"),
        ({"n": 1}, ValueError, "named 'text'"),
        ("\udc80", ValueError, "surrogate"),
    ],
)
def test_what_cannot_be_shown(row: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        spanql.show(row)


def test_what_commands_no_terminal_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("联系\u3000人", "a\u00a0b", "👩\u200d👧", "a\tb\nc", "x\u2028y"):
        assert str(spanql.show(text)) == text
    assert str(spanql.show("a\r\nb")) == "a\nb"
    for command in ("\x1b", "\x9b", "\x7f", "\r", "\u202e", "\u2066", "\u200f"):
        assert str(spanql.show(f"a{command}b")) == "a\N{REPLACEMENT CHARACTER}b"
    half = {"text": "a\udc80", "found": [{"label": "\x1b", "span_start": 0, "span_end": 1}]}
    assert str(spanql.show(half)) == "[a \N{REPLACEMENT CHARACTER}]\N{REPLACEMENT CHARACTER}"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "\x1b " not in str(spanql.show(half)).replace("\x1b[", "")


def test_a_row_without_entities_has_none() -> None:
    found = spanql.extract_entities(["x@y.io"], "EMAIL").to_pylist()[0]
    assert str(spanql.show({"text": "x@y.io", "found": []})) == "x@y.io"
    assert str(spanql.show({"text": "x@y.io", "tags": [], "found": found})) == "[x@y.io EMAIL]"
    result = spanql.connect().sql("SELECT 'x@y.io' AS text, extract_entities('x@y.io', 'URL') AS f")
    assert str(spanql.show(result.to_pandas().iloc[0])) == "x@y.io"


def test_labels_of_a_row() -> None:
    row = {"text": "x@y.io", "found": spanql.extract_entities(["x@y.io"]).to_pylist()[0]}
    assert str(spanql.show(row, "EMAIL,URL")) == "[x@y.io EMAIL]"
    assert str(spanql.show(row, {"EMAIL"})) == "[x@y.io EMAIL]"
    for labels in ("URL", "LOC"):
        assert str(spanql.show(row, labels)) == "x@y.io"
    for unknown in ("EMIAL", ["EMAIL", "EMIAL"]):
        with pytest.raises(ValueError, match=r"EMIAL.*EMAIL"):
            spanql.show(row, unknown)
    with pytest.raises(ValueError, match="no label"):
        spanql.show(row, [])
