"""SQL over the entities in raw text.

:func:`connect` opens the engine on a store of documents, or on nothing but what you register; a query gives a
:class:`Result` that pyarrow, pandas, polars and duckdb take as it is. :func:`extract_and_aggregate` finds e-mail
addresses in a list of strings without any of that.

Examples
--------
>>> import spanql
>>> spanql.extract_and_aggregate(["mail bob@example.com"])
[{'emails': ['bob@example.com']}]
>>> spanql.connect().sql("SELECT 6 * 7 AS answer").to_arrow().to_pylist()
[{'answer': 42}]
"""

from spanql._spanql import Result, Session, __version__, connect, extract_and_aggregate, ingest
from spanql.errors import ConfigError, Error, FileError, QueryError, StoreError, UsageError

__all__ = [
    "ConfigError",
    "Error",
    "FileError",
    "QueryError",
    "Result",
    "Session",
    "StoreError",
    "UsageError",
    "__version__",
    "connect",
    "extract_and_aggregate",
    "ingest",
]
