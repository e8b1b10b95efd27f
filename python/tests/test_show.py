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
