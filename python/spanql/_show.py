"""A text with its entities highlighted: as HTML in a notebook, in colours on a terminal."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

from spanql._spanql import TAGGER_LABELS, Session, extract_entities

Labels: TypeAlias = str | Iterable[str]

HUES = 12
"""Colours that labels have; those of two labels may be the same."""

COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but for line feed and tab, those that set the direction of writing, and halves of characters."""


@dataclass(frozen=True)
class Entity:
    """An entity, as far as it is shown."""

    label: str
    start: int
    end: int
    value: str


@dataclass(frozen=True)
class Piece:
    """A part of a text in which no entity begins or ends."""

    text: str
    around: list[Entity]
    beginning: list[Entity]
    ending: list[Entity]


class Shown:
    """A text with its entities; made by :func:`show`.

    Notebooks show it by its HTML. As a string it has a terminal's colours where standard output is a terminal, and
    ``[entity LABEL]`` where it is not.
    """

    def __init__(self, text: str, entities: Sequence[Entity]) -> None:
        self._text = text
        # Longer ones first where several begin: they are around the others.
        self._entities = sorted(entities, key=lambda e: (e.start, -e.end, e.label))

    def _pieces(self) -> list[Piece]:
        """Cut the text where entities begin and end."""
        cuts = sorted({0, len(self._text)} | {at for e in self._entities for at in (e.start, e.end)})
        pieces = []
        for start, end in pairwise(cuts):
            around = [e for e in self._entities if e.start <= start and end <= e.end]
            pieces.append(
                Piece(
                    self._text[start:end],
                    around,
                    [e for e in around if e.start == start],
                    [e for e in reversed(around) if e.end == end],
                )
            )
        return pieces

    def _repr_html_(self) -> str:
        parts = []
        for piece in self._pieces():
            part = html.escape(piece.text)
            if piece.around:
                hue = hue_of(piece.around[0].label)
                title = html.escape("; ".join(f"{e.label}: {e.value}" for e in piece.around))
                # A wash over whatever is behind and the page's own ink: legible in light and dark.
                part = (
                    f"<span title='{title}' style='background:hsla({hue},80%,50%,.22);"
                    f"border-bottom:{2 * len(piece.around)}px solid hsl({hue},70%,50%)'>{part}</span>"
                )
            parts.append(part)
            parts += [
                f"<sub style='font-size:65%;font-weight:bold;opacity:.8;margin:0 .2em'>{html.escape(e.label)}</sub>"
                for e in piece.ending
            ]
        return f"<div style='white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.9'>{''.join(parts)}</div>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def __str__(self) -> str:
        coloured = sys.stdout is not None and sys.stdout.isatty()
        return "".join(map(coloured_piece if coloured else plain_piece, self._pieces()))

    __repr__ = __str__


def coloured_piece(piece: Piece) -> str:
    """Underline and colour; the label follows, dim."""
    text = printable(piece.text)
    if not piece.around:
        return text
    colour = 31 + hue_of(piece.around[0].label) * 6 // 360
    labels = "".join(f"\x1b[2m {printable(e.label)}\x1b[22m" for e in piece.ending)
    return f"\x1b[{colour};4m{text}\x1b[24m{labels}\x1b[0m"


def plain_piece(piece: Piece) -> str:
    """Put brackets around entities, their labels within."""
    return "[" * len(piece.beginning) + printable(piece.text) + "".join(f" {printable(e.label)}]" for e in piece.ending)


def printable(text: str) -> str:
    """Replace what would command a terminal, or turn its lines around."""
    return COMMANDS.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def hue_of(label: str) -> int:
    """Give a label its colour, the same each time."""
    return sum(map(ord, label)) * 7 % HUES * 360 // HUES


class Row(Protocol):
    """A row of a frame, as pandas gives it."""

    def to_dict(self) -> dict[Any, Any]:
        """Give its values by column."""
        ...


def show(text: str | Mapping[str, Any] | Row, labels: Labels | None = None, *, session: Session | None = None) -> Shown:
    """Highlight the entities of a text.

    Parameters
    ----------
    text : str or mapping
        A text; or a row of a result with one, as a dictionary or a pandas series: its ``text``, or its only string. If
        the row has entities too, as ``extract_entities`` gives them, these are shown, and none if its only lists are
        empty; otherwise they are looked for.
    labels : str or iterable of str, optional
        Which entities to show. Without it, all of them.
    session : Session, optional
        Whose recognizers to use. Without it, those that come with the package.

    Returns
    -------
    Shown
        What a notebook or an interactive Python shows as the value of a cell; ``print`` works too.

    Raises
    ------
    TypeError
        If it is neither a text nor a row.
    ValueError
        If the row has no text, or several and none of them is named ``text``; if there is no such label.

    Examples
    --------
    >>> import spanql
    >>> print(spanql.show("Write to bob@example.com"))
    Write to [bob@example.com EMAIL]
    """
    row: Any = text.to_dict() if not isinstance(text, str | Mapping) and hasattr(text, "to_dict") else text
    if isinstance(row, str):
        return Shown(row, looked_for(row, labels, session))
    if not isinstance(row, Mapping):
        raise TypeError(f"text is of type {type(text).__name__}: give a str, or a row with one")
    words = text_of(row)
    lists = [found for found in map(entities_in, row.values()) if found is not None]
    if not lists:
        return Shown(words, looked_for(words, labels, session))
    # An empty list may be one of anything, so others go first.
    return Shown(words, chosen(max(lists, key=bool), labels, session))


def chosen(found: list[Entity], labels: Labels | None, session: Session | None) -> list[Entity]:
    """Choose a row's entities by label; one that nothing has is an error, as where they are looked for."""
    if labels is None:
        return found
    words = labels if isinstance(labels, str) else ",".join(labels)
    wanted = {label.strip() for label in words.split(",")} - {""}
    if "*" in wanted:
        return found
    unseen = wanted - {e.label for e in found} - set(TAGGER_LABELS)
    if unseen or not wanted:
        extract_entities([], unseen, session=session)
    return [e for e in found if e.label in wanted]


def text_of(row: Mapping[str, Any]) -> str:
    """Find the text of a row."""
    texts = {name: value for name, value in row.items() if isinstance(value, str)}
    if "text" in texts:
        return texts["text"]
    if len(texts) == 1:
        return next(iter(texts.values()))
    raise ValueError(f"a row with one text is wanted, or with one named 'text'; its texts are {list(texts)}")


def looked_for(text: str, labels: Labels | None, session: Session | None) -> list[Entity]:
    """Find the entities of a text."""
    [found] = extract_entities([text], labels, session=session).to_pylist()
    return entities_in(found) or []  # a text has a list, if an empty one


def entities_in(value: object) -> list[Entity] | None:
    """Read a cell as entities, if it may be that."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return None
    entities = []
    for item in value:
        if not isinstance(item, Mapping) or not {"label", "span_start", "span_end"} <= item.keys():
            return None
        shown = str(item.get("value", ""))
        entities.append(Entity(str(item["label"]), int(item["span_start"]), int(item["span_end"]), shown))
    return entities
