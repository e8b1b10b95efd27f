from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from os import PathLike
from types import TracebackType
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar, final, overload

import pandas
import polars
import pyarrow
from pandas.api.typing import NaTType, NAType
from typing_extensions import Self, Unpack

__version__: str
TAGGER_LABELS: list[str]

class Emails(TypedDict):
    emails: list[str]

class ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

class NumpyValue(Protocol):
    """A scalar or an array of numpy."""

    @property
    def dtype(self) -> Any: ...
    def tolist(self) -> Any: ...

Word: TypeAlias = bool | int | float | str | bytes | date | None
"""A report's parameter; a `datetime` is a `date`."""

Value: TypeAlias = Word | Decimal | time | timedelta | NaTType | NAType | list[Any] | tuple[Any, ...] | NumpyValue
"""A query's parameter."""

class IngestOptions(TypedDict, total=False):
    text: str
    time: str
    document: Literal["line", "paragraph", "file"]
    format: Literal["jsonl", "json", "csv", "tsv", "txt", "parquet", "eml", "mbox", "html", "warc", "tar", "zip"]
    html: bool
    delimiter: str
    quote: str
    encoding: str
    bad_bytes: Literal["quarantine", "replace"]
    codec: str
    max_expansion: int
    max_record_bytes: int | str
    row_group_bytes: int | str
    changed: Literal["keep", "replace"]
    threads: int
    progress: bool | None

class Summary(TypedDict):
    run: str | None
    documents: int
    quarantined: int
    reasons: dict[str, int]
    unread_times: int
    replaced: int
    bytes: int
    sources: int
    skipped_sources: int
    changed_sources: int
    replaced_sources: int
    unknown_files: int
    broken_links: int
    other_records: int
    unfinished_sources: int

Paths: TypeAlias = str | PathLike[str] | Iterable[str | PathLike[str]]

Labels: TypeAlias = str | Iterable[str]
Series = TypeVar("Series", pandas.Series[Any], polars.Series)

@overload
def extract_and_aggregate(
    texts: Iterable[str], labels: None = None, *, session: Session | None = None
) -> list[Emails]: ...
@overload
def extract_and_aggregate(
    texts: Iterable[str], labels: Labels, *, session: Session | None = None
) -> list[dict[str, list[str]]]: ...
@overload
def extract_entities(texts: Series, labels: Labels | None = None, *, session: Session | None = None) -> Series: ...
@overload
def extract_entities(
    texts: Iterable[str | None] | ArrowStream | ArrowArray,
    labels: Labels | None = None,
    *,
    session: Session | None = None,
) -> pyarrow.ChunkedArray[Any]: ...
@overload
def ner(texts: Series, model: str | None = None, *, session: Session | None = None) -> Series: ...
@overload
def ner(
    texts: Iterable[str | None] | ArrowStream | ArrowArray,
    model: str | None = None,
    *,
    session: Session | None = None,
) -> pyarrow.ChunkedArray[Any]: ...
@overload
def redact(
    texts: Series,
    labels: Labels | None = None,
    style: Literal["label", "mask", "hash"] = "label",
    *,
    session: Session | None = None,
) -> Series: ...
@overload
def redact(
    texts: Iterable[str | None] | ArrowStream | ArrowArray,
    labels: Labels | None = None,
    style: Literal["label", "mask", "hash"] = "label",
    *,
    session: Session | None = None,
) -> pyarrow.ChunkedArray[Any]: ...
def connect(
    store: str | PathLike[str] | None = None,
    config: str | PathLike[str] | None = None,
    memory_limit: int | str | None = None,
    *,
    variables: bool = True,
    progress: bool | None = None,
) -> Session: ...
def ingest(paths: Paths, store: str | PathLike[str], **options: Unpack[IngestOptions]) -> Summary: ...
def run_cli(args: Sequence[str]) -> int: ...
def scalar_function(
    function: str, constants: Sequence[Labels], name: str, session: Session | None = None
) -> ScalarFunction: ...

@final
class Session:
    def sql(
        self, query: str, params: Sequence[Value] | Mapping[str, Value] | None = None, **named: Value
    ) -> Result: ...
    def _sql_within(self, query: str, scope: dict[str, Any]) -> Result: ...
    def register(
        self,
        name: str,
        obj: ArrowStream | ArrowArray | Iterable[ArrowStream | ArrowArray] | str | PathLike[str],
    ) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def ingest(self, paths: Paths, **options: Unpack[IngestOptions]) -> Summary: ...
    def report(self, name: str | PathLike[str], /, **params: Word) -> Result: ...

@final
class Result:
    @property
    def schema(self) -> list[tuple[str, str]]: ...
    def to_arrow(self) -> pyarrow.Table: ...
    def to_pandas(self) -> pandas.DataFrame: ...
    def to_polars(self) -> polars.DataFrame: ...
    @overload
    def to_json(self, path: None = None) -> str: ...
    @overload
    def to_json(self, path: str | PathLike[str]) -> int: ...
    def write(self, path: str | PathLike[str], format: str | None = None) -> int: ...
    def explain(self, analyze: bool = False) -> str: ...
    def __iter__(self) -> RecordBatches: ...
    def _repr_html_(self) -> str: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any: ...

@final
class RecordBatches(Iterator[pyarrow.RecordBatch]):
    def __iter__(self) -> RecordBatches: ...
    def __next__(self) -> pyarrow.RecordBatch: ...

@final
class ScalarFunction:
    @property
    def name(self) -> str: ...
    def __datafusion_scalar_udf__(self) -> object: ...
