"""chdb (ClickHouse): with_chdb.py PARQUET OUT.json"""

import json
import os
import sys
from pathlib import Path

import chdb
from kinds import KINDS

parquet, out = sys.argv[1:]


def values(kind: str, pattern: str) -> str:
    quoted = pattern.replace("\\", "\\\\").replace("'", "\\'")
    found = f"extractAll(text, '{quoted}')"
    return f"arrayMap(v -> lower(v), {found})" if kind == "email" else found


# One scan: a document's eight lists are joined as (kind, list) pairs, then each list.
pairs = ", ".join(f"('{kind}', {values(kind, pattern)})" for kind, pattern in KINDS.items())
answer = chdb.query(
    "SELECT kind, sum(n) AS count, count() AS distinct, "
    "arraySlice(arraySort(x -> (-x.2, x.1), groupArray((value, toInt64(n)))), 1, 20) AS top FROM ("
    "SELECT kind, value, count() AS n FROM ("
    "SELECT p.1 AS kind, arrayJoin(p.2) AS value FROM ("
    f"SELECT arrayJoin([{pairs}]) AS p FROM file('{Path(parquet).absolute()}', Parquet))) "
    "GROUP BY kind, value) GROUP BY kind "
    f"SETTINGS max_threads = {os.cpu_count()}, output_format_json_quote_64bit_integers = 0",
    "JSONEachRow",
)
rows = [json.loads(line) for line in str(answer).splitlines()]
answers = {row["kind"]: {key: row[key] for key in ("count", "distinct", "top")} for row in rows}
Path(out).write_text(json.dumps(answers), encoding="utf-8")
