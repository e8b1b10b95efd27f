"""SQL over the entities in raw text.

:func:`connect` opens the engine on a store of documents, or on nothing but what you register; a query gives a
:class:`Result` that pyarrow, pandas, polars and duckdb take as it is. :func:`extract_entities`, :func:`ner` and
:func:`redact` work on lists and columns without any of that; :func:`extract_and_aggregate` finds e-mail addresses in a
list of strings. In IPython, ``%load_ext spanql`` brings cells of SQL. :mod:`spanql.udf` makes functions for the SQL of
the package ``datafusion``.

Examples
--------
>>> import spanql
>>> spanql.extract_and_aggregate(["mail bob@example.com"])
[{'emails': ['bob@example.com']}]
>>> spanql.redact(["mail bob@example.com"]).to_pylist()
['mail [EMAIL]']
>>> spanql.connect().sql("SELECT 6 * 7 AS answer").to_arrow().to_pylist()
[{'answer': 42}]
"""

from typing import Any

from spanql import udf
from spanql._shadow import Shadow, ShadowCounts, shadow
from spanql._show import Shown, show
from spanql._spanql import (
    Result,
    Session,
    __version__,
    connect,
    extract_and_aggregate,
    extract_entities,
    ingest,
    ner,
    redact,
)
from spanql.errors import ConfigError, Error, FileError, QueryError, StoreError, UsageError

__all__ = [
    "ConfigError",
    "Error",
    "FileError",
    "QueryError",
    "Result",
    "Session",
    "Shadow",
    "ShadowCounts",
    "Shown",
    "StoreError",
    "UsageError",
    "__version__",
    "connect",
    "extract_and_aggregate",
    "extract_entities",
    "ingest",
    "ner",
    "redact",
    "shadow",
    "show",
    "udf",
]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; IPython calls it for ``%load_ext spanql``."""
    from spanql import _magic

    _magic.load_ipython_extension(shell)
