import gc
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import spanql
from hypothesis import example, given, settings
from hypothesis import strategies as st

EMAIL = re.compile(r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+")


def old(texts: list[str]) -> list[dict[str, list[str]]]:
    return [{"emails": EMAIL.findall(text.lower())} for text in texts]


# Characters that matter: the expression's own, those with odd lower cases, lone surrogates, NUL, beyond the BMP.
crafted = st.text(st.sampled_from("@@@@@....aaAzZ09-+_ \0\u212a\u212aİİıſẞßΣςé中\ud800\udfff😀𝐀"), max_size=60)
# Long runs of the class, where backtracking and restarts happen.
runs = st.lists(st.sampled_from(["a", "A.b", "@", "@@", ".", "..", "1", ".c", ".1", "\u212a", "İ", "_", " "])).map(
    "".join
)
anything = st.text(st.characters(codec=None), max_size=60)


@settings(max_examples=2_000, deadline=None)
@given(st.lists(crafted | runs | anything, max_size=8))
@example(
    ["a@b.com1@d.e", "a@b.c@d.e", "a@b..c", "a@.c", "a@b.c.", "a@b.c_", "İ@b.c", "a@b.c\u0130d", "\u212a@\u212a.\u212a"]
)
def test_answers_are_those_of_the_expression(texts: list[str]) -> None:
    assert spanql.extract_and_aggregate(texts) == old(texts)


@settings(max_examples=200, deadline=None)
@given(st.lists(crafted | runs, min_size=1, max_size=4), st.integers(1, 3))
def test_many_long_texts_take_the_parallel_path(texts: list[str], power: int) -> None:
    many = [(text + " ") * 10**power for text in texts] * 100
    assert spanql.extract_and_aggregate(many) == old(many)


def test_no_other_character_lower_cases_into_the_class() -> None:
    odd = [c for c in map(chr, range(0x80, sys.maxunicode + 1)) if any(ord(low) < 0x80 for low in c.lower())]
    assert odd == ["\u0130", "\u212a"]
    every = [f"x{chr(c)}a@b.c{chr(c)}" for c in range(sys.maxunicode + 1)]
    assert spanql.extract_and_aggregate(every) == old(every)


@pytest.mark.parametrize("unit", ["@", "a@", "@a", "a@.", "a.", "a@b.c@", "a@b.c1", "a@b.1"])
@pytest.mark.parametrize("tail", ["", "中"])
def test_hostile_texts(unit: str, tail: str) -> None:
    # Work that grows with the square of the length would take hours.
    text = unit * 500_000 + tail
    [answer] = spanql.extract_and_aggregate([text])
    [small] = old([unit * 50 + tail])
    assert answer["emails"][:49] == small["emails"][:49]
    assert (len(answer["emails"]) >= 499_999) == bool(small["emails"])


@pytest.mark.parametrize("make", [list, tuple, iter, set, lambda texts: (text for text in texts), dict.fromkeys])
def test_any_iterable_is_fine(make: Callable[[list[str]], Any]) -> None:
    assert spanql.extract_and_aggregate(make(["a@b.c"])) == [{"emails": ["a@b.c"]}]


def test_subclasses_of_str_are_strings() -> None:
    class Text(str):
        __slots__ = ()

    assert spanql.extract_and_aggregate([Text("A@b.c"), Text("é A@b.c")]) == [{"emails": ["a@b.c"]}] * 2


def test_chunks_meet_without_a_seam() -> None:
    texts = [f"u{i}@example.com" if i % 3 else f"{i} 中" for i in range(40_000)]
    assert spanql.extract_and_aggregate(texts) == old(texts)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (None, "NoneType"),
        (7, "int"),
        (["a", None], r"texts\[1\] is of type NoneType"),
        (["a", "b", b"c@d.e"], r"texts\[2\] is of type bytes"),
        ([["a"]], r"texts\[0\] is of type list"),
    ],
)
def test_what_is_no_text_is_refused(texts: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        spanql.extract_and_aggregate(texts)


def test_answers_are_independent() -> None:
    first, second = spanql.extract_and_aggregate(["", ""])
    first["emails"].append("x")
    first["more"] = 1  # type: ignore[typeddict-unknown-key]
    assert second == {"emails": []}


def test_strings_keep_no_copy() -> None:
    text = "é" + "中" * 1000 + "a@b.c"
    before = sys.getsizeof(text)
    spanql.extract_and_aggregate([text])
    assert sys.getsizeof(text) == before


def test_the_collector_is_left_as_it_was() -> None:
    spanql.extract_and_aggregate(["a@b.c"])
    assert gc.isenabled()
    gc.disable()
    try:
        spanql.extract_and_aggregate(["a@b.c"])
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_other_threads_run_meanwhile() -> None:
    texts = ["x" * 20_000 + " a@b.c"] * 5_000
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
        spanql.extract_and_aggregate(texts)
        assert steps > before
    finally:
        done.set()
        sys.setswitchinterval(interval)
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    texts = ["x" * 5_000 + " a@b.c"] * 100
    expected = spanql.extract_and_aggregate(texts)
    child = os.fork()
    if child == 0:
        os._exit(0 if spanql.extract_and_aggregate(texts) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
