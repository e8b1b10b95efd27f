import csv
import itertools
import logging
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import spanql
from spanql import ShadowCounts


def old(texts: Iterable[str]) -> list[str]:
    return [text.upper() for text in texts]


def newer(texts: Iterable[str]) -> list[str]:
    return [text.upper() if text != "ß" else text for text in texts]


def test_the_old_answer_is_given(caplog: pytest.LogCaptureFixture) -> None:
    wrapped = spanql.shadow(old, newer, sample=1)
    with caplog.at_level(logging.WARNING, "spanql.shadow"):
        assert wrapped(["a", "ß"]) == ["A", "SS"]
        assert wrapped(["a"]) == ["A"]
    assert wrapped.counts == ShadowCounts(calls=2, compared=2, different=1, failed=0)
    assert caplog.messages == ["1 of 2 answers differ: at 1"]
    assert vars(wrapped)["__name__"] == "old"
    assert repr(wrapped).startswith("<spanql.Shadow of old by newer: ShadowCounts(calls=2,")


def test_what_differs_is_for_debugging_only(caplog: pytest.LogCaptureFixture) -> None:
    wrapped = spanql.shadow(old, newer, sample=1)
    with caplog.at_level(logging.DEBUG, "spanql.shadow"):
        wrapped(["ß"])
    levels = {record.levelno for record in caplog.records if "SS" in record.getMessage()}
    assert levels == {logging.DEBUG}


def test_answers_of_other_lengths_and_kinds(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "spanql.shadow"):
        spanql.shadow(old, lambda texts: old(texts)[:1], sample=1)(["a", "b", "c"])
        spanql.shadow(lambda: 1, lambda: 2, sample=1)()
    assert caplog.messages == ["2 of 3 answers differ: at 1, 2", "the answers differ"]


def test_what_the_new_function_raises_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    def broken(texts: Iterable[str]) -> list[str]:
        raise RuntimeError("broken")

    wrapped = spanql.shadow(old, broken, sample=1)
    assert wrapped(["a"]) == ["A"]
    assert wrapped.counts.failed == 1
    assert "broken" in caplog.text
    with pytest.raises(RuntimeError):
        spanql.shadow(broken, old, sample=1)(["a"])


@pytest.mark.parametrize("call", [lambda f, texts: f(texts), lambda f, texts: f(texts=texts)])
def test_both_see_an_iterator_whole(call: Callable[[Any, Any], Any]) -> None:
    wrapped = spanql.shadow(old, newer, sample=1)
    assert call(wrapped, (text for text in ["a", "b"])) == ["A", "B"]
    assert wrapped.counts == ShadowCounts(calls=1, compared=1)


def test_an_iterator_stays_one_and_need_not_end() -> None:
    def first(texts: Iterator[str]) -> str:
        return next(texts)

    wrapped = spanql.shadow(first, first, sample=1)
    assert wrapped(iter(lambda: "a", None)) == "a"
    assert wrapped.counts == ShadowCounts(calls=1, compared=1)


def test_an_open_file_is_for_the_old_function_alone(tmp_path: Path) -> None:
    path = tmp_path / "texts"
    path.write_text("a\nb\n")
    wrapped = spanql.shadow(lambda file: file.read(), lambda file: file.read(), sample=1)
    with path.open() as file:
        assert wrapped(file) == "a\nb\n"
    with path.open() as file:
        assert wrapped(file=file) == "a\nb\n"
    assert wrapped.counts == ShadowCounts(calls=2)


def test_samples() -> None:
    none = spanql.shadow(old, newer, sample=0)
    some = spanql.shadow(old, newer, sample=0.5)
    for _ in range(1_000):
        none(["a"])
        some(["a"])
    assert none.counts == ShadowCounts(calls=1_000)
    assert 0 < some.counts.compared < 1_000
    for share in (-0.1, 1.5):
        with pytest.raises(ValueError, match="from 0 to 1"):
            spanql.shadow(old, newer, sample=share)


def test_the_old_and_the_new_e_mail_search_agree() -> None:
    def before(texts: list[str]) -> list[Any]:
        return [{"emails": re.findall(r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+", text.lower())} for text in texts]

    wrapped = spanql.shadow(before, spanql.extract_and_aggregate, sample=1)
    wrapped(["A@b.c", "İ@b.c", "a@b..c"])
    assert wrapped.counts.different == 0


def readers() -> dict[str, Callable[[], Any]]:
    lines = ["a,b", "1,2"]
    database = sqlite3.connect(":memory:")
    return {
        "csv": lambda: csv.reader(lines),
        "csv with names": lambda: csv.DictReader(lines),
        "batches": lambda: pa.table({"a": [1]}).to_reader(),
        "cursor": lambda: database.execute("SELECT 1"),
    }


def everything(reader: Any) -> Any:
    names = [name for name in ("line_num", "fieldnames", "schema", "description") if hasattr(reader, name)]
    return names, list(reader)


@pytest.mark.parametrize("name", ["csv", "csv with names", "batches", "cursor"])
def test_iterators_that_are_more_are_for_the_old_function_alone(name: str) -> None:
    make = readers()[name]
    wrapped = spanql.shadow(everything, everything, sample=1)
    assert wrapped(make()) == everything(make())
    assert everything(make())[0], "it has an attribute that a copy lacks"
    assert wrapped.counts == ShadowCounts(calls=1)


@pytest.mark.parametrize(
    "make",
    [iter, lambda texts: map(str, texts), lambda texts: filter(None, texts), enumerate, zip, reversed, itertools.chain],
)
def test_plain_iterators_are_given_to_both(make: Callable[[Any], Any]) -> None:
    class Own:
        def __init__(self) -> None:
            self._left = 1

        def __iter__(self) -> Iterator[str]:
            return self

        def __next__(self) -> str:
            if not self._left:
                raise StopIteration
            self._left -= 1
            return "a"

    wrapped: Any = spanql.shadow(list, list, sample=1)
    assert wrapped(make(["a", "b"])) == list(make(["a", "b"]))
    assert wrapped(Own()) == ["a"]
    assert wrapped.counts == ShadowCounts(calls=2, compared=2)
