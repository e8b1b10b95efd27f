"""SpanQL's functions in the SQL of DataFusion's own Python package.

Each function here makes one of SQL, with everything but the text bound. The package ``datafusion``, of version 55,
takes it as it is and calls it without Python in between, on its own threads.

Examples
--------
>>> import datafusion
>>> import spanql
>>> context = datafusion.SessionContext()
>>> context.register_udf(datafusion.udf(spanql.udf.redact()))
>>> context.sql("SELECT redact('to bob@example.com') AS text").to_pylist()
[{'text': 'to [EMAIL]'}]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from spanql._spanql import ScalarFunction, Session, scalar_function

__all__ = ["ScalarFunction", "entity_values", "extract_entities", "ner", "redact"]


def extract_entities(
    labels: str | Iterable[str] | None = None, *, name: str = "extract_entities", session: Session | None = None
) -> ScalarFunction:
    """Make a function that finds the entities of a text.

    Parameters
    ----------
    labels : str or iterable of str, optional
        What to look for: ``["EMAIL", "URL"]`` or ``"EMAIL,URL"``. Without it, all labels.
    name : str
        What SQL calls it.
    session : Session, optional
        Whose recognizers to use. Without it, those that come with the package.

    Returns
    -------
    ScalarFunction
        In SQL, of a text of any string type: a list of structs ``label``, ``entity``, ``value``, ``span_start``,
        ``span_end``, ``score``, ``recognizer``, ordered by start, end, label; NULL for NULL, an empty list for a text
        without entities.

    Raises
    ------
    ValueError
        If there is no such label.

    Examples
    --------
    >>> import datafusion
    >>> import spanql
    >>> context = datafusion.SessionContext()
    >>> context.register_udf(datafusion.udf(spanql.udf.extract_entities("EMAIL", name="emails")))
    >>> context.sql("SELECT e['value'] AS v FROM (SELECT unnest(emails('to Bob@Example.com')) AS e)").to_pylist()
    [{'v': 'bob@example.com'}]
    """
    return scalar_function("extract_entities", [] if labels is None else [labels], name, session)


def entity_values(
    labels: str | Iterable[str], *, name: str = "entity_values", session: Session | None = None
) -> ScalarFunction:
    """Make a function that gives the normalised values of a text's entities.

    Parameters
    ----------
    labels : str or iterable of str
        Of which entities.
    name : str
        What SQL calls it.
    session : Session, optional
        Whose recognizers to use. Without it, those that come with the package.

    Returns
    -------
    ScalarFunction
        In SQL, of a text of any string type: a list of strings, in order, repetitions kept; NULL for NULL, an empty
        list for a text without such entities.

    Raises
    ------
    ValueError
        If there is no such label.

    Examples
    --------
    >>> import datafusion
    >>> import spanql
    >>> context = datafusion.SessionContext()
    >>> context.register_udf(datafusion.udf(spanql.udf.entity_values("PHONE", name="phones")))
    >>> context.sql("SELECT phones('+44 20 7946 0018') AS found").to_pylist()
    [{'found': ['+442079460018']}]
    """
    return scalar_function("entity_values", [labels], name, session)


def ner(model: str | None = None, *, name: str = "ner", session: Session | None = None) -> ScalarFunction:
    """Make a function that finds the entities that one model finds in a text.

    Parameters
    ----------
    model : str, optional
        Its name: ``"tagger"``, which comes with the package and is the default, or one that the session's
        ``spanql.toml`` names.
    name : str
        What SQL calls it.
    session : Session, optional
        Whose models to use.

    Returns
    -------
    ScalarFunction
        As from :func:`extract_entities`.

    Raises
    ------
    ValueError
        If there is no such model.

    Examples
    --------
    >>> import datafusion
    >>> import spanql
    >>> context = datafusion.SessionContext()
    >>> context.register_udf(datafusion.udf(spanql.udf.ner()))
    >>> rows = context.sql("SELECT unnest(ner('The train from Paris to Berlin was late.')) AS e").to_pylist()
    >>> [(row["e"]["label"], row["e"]["entity"]) for row in rows]
    [('LOC', 'Paris'), ('LOC', 'Berlin')]
    """
    return scalar_function("ner", [] if model is None else [model], name, session)


def redact(
    labels: str | Iterable[str] | None = None,
    style: Literal["label", "mask", "hash"] = "label",
    *,
    name: str = "redact",
    session: Session | None = None,
) -> ScalarFunction:
    """Make a function that replaces the entities of a text.

    Parameters
    ----------
    labels : str or iterable of str, optional
        What to replace. Without it, the entities of all labels.
    style : {'label', 'mask', 'hash'}
        By ``[LABEL]``, by as many ``*``, or by a keyed hash, as for :func:`spanql.redact`.
    name : str
        What SQL calls it.
    session : Session, optional
        Whose recognizers and key to use.

    Returns
    -------
    ScalarFunction
        In SQL, of a text of any string type: a string; NULL for NULL.

    Raises
    ------
    ValueError
        If there is no such label or style, or no key to hash with.

    Examples
    --------
    >>> import datafusion
    >>> import spanql
    >>> context = datafusion.SessionContext()
    >>> context.register_udf(datafusion.udf(spanql.udf.redact("EMAIL", "mask", name="masked")))
    >>> context.sql("SELECT masked('to x@y.io') AS text").to_pylist()
    [{'text': 'to ******'}]
    """
    return scalar_function("redact", ["*" if labels is None else labels, style], name, session)
