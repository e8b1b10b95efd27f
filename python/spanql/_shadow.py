"""A new function beside an old one, for a gray release."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from itertools import chain, tee
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger("spanql.shadow")

ORDINARY: tuple[object, ...] = ((_ for _ in ()), iter(()), enumerate(()), chain(), tee(())[0], type("Any", (), {})())
PLAIN = {name for iterator in ORDINARY for name in dir(iterator)}
"""What an iterator may have that is nothing more: the attributes of generators, of Python's own iterators, and of any
object."""


@dataclass(frozen=True)
class ShadowCounts:
    """What a :class:`Shadow` has seen so far.

    Attributes
    ----------
    calls : int
        Calls of the wrapper.
    compared : int
        Those on which the new function ran too.
    different : int
        Those of them whose answers were not equal.
    failed : int
        Those of them on which the new function raised.
    """

    calls: int = 0
    compared: int = 0
    different: int = 0
    failed: int = 0


class Shadow(Generic[P, R]):
    """Calls the old function, and now and then the new one beside it; made by :func:`shadow`.

    Attributes
    ----------
    counts : ShadowCounts
        What was seen so far.
    """

    def __init__(self, old: Callable[P, R], new: Callable[P, R], sample: float = 0.01) -> None:
        if not 0 <= sample <= 1:
            raise ValueError(f"sample is {sample}: it must be a share from 0 to 1")
        self._old, self._new, self._sample = old, new, sample
        self._random = random.Random()
        self._lock = threading.Lock()
        self._counts = ShadowCounts()
        update_wrapper(self, old)

    @property
    def counts(self) -> ShadowCounts:
        """What was seen so far."""
        return self._counts

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Give the old function's answer, or raise what it raises."""
        compared = self._random.random() < self._sample and not any(map(is_read_once, (*args, *kwargs.values())))
        new_args, new_kwargs = args, kwargs
        if compared:
            pairs, named = [both(a) for a in args], {name: both(a) for name, a in kwargs.items()}
            args, new_args = (tuple(pair[side] for pair in pairs) for side in (0, 1))  # type: ignore[assignment]
            kwargs, new_kwargs = ({n: pair[side] for n, pair in named.items()} for side in (0, 1))  # type: ignore[assignment]
        answer = self._old(*args, **kwargs)
        different = failed = False
        if compared:
            try:
                other = self._new(*new_args, **new_kwargs)
                different = bool(other != answer)
                if different:
                    describe(answer, other)
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                raise
            except BaseException:  # a panic of native code is no Exception
                failed = True
                log.exception("the new function raised, or its answer cannot be compared")
        with self._lock:
            seen = self._counts
            self._counts = ShadowCounts(
                seen.calls + 1, seen.compared + compared, seen.different + different, seen.failed + failed
            )
        return answer

    def __repr__(self) -> str:
        names = [getattr(f, "__qualname__", repr(f)) for f in (self._old, self._new)]
        return f"<spanql.Shadow of {names[0]} by {names[1]}: {self._counts}>"


def is_read_once(argument: object) -> bool:
    """Tell what cannot be given twice: an iterator that is more than one, as a file, a cursor or a reader of CSV is."""
    return isinstance(argument, Iterator) and any(
        name not in PLAIN and (not name.startswith("_") or name.startswith("__")) for name in dir(argument)
    )


def both(argument: Any) -> tuple[Any, Any]:
    """Give an argument twice: whoever comes second would find an iterator empty."""
    if not isinstance(argument, Iterator):
        return argument, argument
    first, second = tee(argument)
    return first, second


def describe(old: object, new: object) -> None:
    """Log where two answers differ; what they hold may be personal, and goes to the level DEBUG."""
    if not isinstance(old, Sequence) or not isinstance(new, Sequence) or isinstance(old, str):
        log.warning("the answers differ")
        log.debug("old: %.1000r, new: %.1000r", old, new)
        return
    differing = [i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
    differing += range(min(len(old), len(new)), max(len(old), len(new)))
    where = ", ".join(map(str, differing[:10])) + (", …" if len(differing) > 10 else "")
    log.warning("%d of %d answers differ: at %s", len(differing), max(len(old), len(new)), where)
    for i in differing[:10]:
        log.debug("at %d, old: %.1000r, new: %.1000r", i, *(list(side[i : i + 1]) for side in (old, new)))


def shadow(old: Callable[P, R], new: Callable[P, R], sample: float = 0.01) -> Shadow[P, R]:
    """Wrap an old function so that a new one is tried beside it.

    The wrapper always gives the old function's answer. On a share of the calls it runs the new one on the same
    arguments, compares the answers, and counts and logs what differs, to the logger ``spanql.shadow``: where they
    differ at the level WARNING, what they hold at DEBUG. What the new function raises is logged and goes no further.
    Both get an iterator of their own where an argument is a generator or a plain iterator. A call with one that is more
    than that (an open file, a reader of CSV, a cursor, a stream of batches) is the old function's alone: it can be read
    only once, so it is counted and not compared.

    Parameters
    ----------
    old, new : callable
        Two functions that take the same arguments and whose answers can be compared.
    sample : float
        On which share of the calls both run, from 0 to 1.

    Returns
    -------
    Shadow
        To be called like `old`; its ``counts`` say how often the answers differed.

    Examples
    --------
    >>> import re
    >>> import spanql
    >>> def old(texts):
    ...     return [{"emails": re.findall(r"[a-z0-9.+_-]+@[a-z0-9.+_-]+[.][a-z]+", text.lower())} for text in texts]
    >>> extract = spanql.shadow(old, spanql.extract_and_aggregate, sample=1)
    >>> extract(["to bob@example.com"])
    [{'emails': ['bob@example.com']}]
    >>> extract.counts
    ShadowCounts(calls=1, compared=1, different=0, failed=0)
    """
    return Shadow(old, new, sample)
