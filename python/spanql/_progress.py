"""How a progress bar looks: a line on a terminal, a line in a notebook's output. When there is one is the engine's."""

from __future__ import annotations

import html
import sys
from importlib import import_module
from typing import Any, Protocol

WIDTH = 20


class Bar(Protocol):
    """What the engine tells how far the work is."""

    def update(self, done: int, total: int | None, seconds: float) -> None:
        """Show it."""

    def close(self) -> None:
        """Leave nothing behind."""


def bar(title: str, unit: str, always: bool) -> Bar | None:
    """Make the bar for whoever is looking: none where that is nobody, unless it is wanted `always`."""
    if in_notebook():
        return Notebook(title, unit)
    if always or (sys.stderr is not None and sys.stderr.isatty()):
        return Terminal(title, unit)
    return None


def in_notebook() -> bool:
    """Whether output goes to a Jupyter front end."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def line(title: str, unit: str, done: int, total: int | None, seconds: float) -> str:
    """Say it in one line.

    Examples
    --------
    >>> line("ingest", "bytes", 3_000_000, 12_000_000, 2.0)
    'ingest  25% █████               3.0M/12.0M bytes, 0:02, 1.5M/s, 0:06 left'
    >>> line("query", "rows", 950, None, 1.0)
    'query 950 rows, 0:01, 950/s'
    """
    speed = done / seconds if seconds > 0 else 0.0
    words = f"{unit}, {clock(seconds)}, {short(speed)}/s"
    if not total:
        return f"{title} {short(done)} {words}"
    share = min(done / total, 1.0)
    filled = ("█" * round(share * WIDTH)).ljust(WIDTH)
    left = f", {clock((total - done) / speed)} left" if 0 < done < total else ""
    return f"{title} {share:4.0%} {filled}{short(done)}/{short(total)} {words}{left}"


def short(number: float) -> str:
    """Write a number with at most one digit after the point."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f}{letter}"
    return f"{number:.0f}"


def clock(seconds: float) -> str:
    """Write minutes and seconds, with hours if there are any."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


class Terminal:
    """A line that is written over again and again."""

    def __init__(self, title: str, unit: str) -> None:
        self._named = (title, unit)

    def update(self, done: int, total: int | None, seconds: float) -> None:
        sys.stderr.write(f"\r{line(*self._named, done, total, seconds)}\x1b[K")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


class Notebook:
    """An output that is replaced again and again."""

    def __init__(self, title: str, unit: str) -> None:
        # Untyped, and there only in a notebook.
        display: Any = import_module("IPython.display")

        self._named = (title, unit)
        self._html = display.HTML
        self._shown = display.display(self._html(""), display_id=True)

    def update(self, done: int, total: int | None, seconds: float) -> None:
        words = html.escape(line(*self._named, done, total, seconds))
        self._shown.update(self._html(f"<pre style='margin:0'>{words}</pre>"))

    def close(self) -> None:
        self._shown.update(self._html(""))
