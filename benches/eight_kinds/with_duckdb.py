"""DuckDB: with_duckdb.py PARQUET OUT.json"""

import json
import sys
from pathlib import Path

import duckdb
from kinds import KINDS

parquet, out = sys.argv[1:]


def values(kind: str, pattern: str) -> str:
    quoted = pattern.replace("'", "''")
    found = f"regexp_extract_all(text, '{quoted}'{', 1' if kind == 'mention' else ''})"
    return f"list_transform({found}, lambda v: lower(v))" if kind == "email" else found


# One scan: a document's eight lists are unnested as (kind, list) pairs, then each list.
pairs = ", ".join(f"{{k: '{kind}', l: {values(kind, pattern)}}}" for kind, pattern in KINDS.items())
duckdb.execute("SET preserve_insertion_order = false")
rows = duckdb.execute(
    f"WITH pairs AS (SELECT unnest([{pairs}]) AS p FROM '{parquet}'), "
    "found AS (SELECT p.k AS kind, unnest(p.l) AS value FROM pairs), "
    "counted AS (SELECT kind, value, count(*) AS n FROM found GROUP BY kind, value) "
    "SELECT kind, sum(n)::bigint, count(*), (list((value, n) ORDER BY n DESC, value))[1:20] FROM counted GROUP BY kind"
).fetchall()
answers = {kind: {"count": n, "distinct": distinct, "top": top} for kind, n, distinct, top in rows}
Path(out).write_text(json.dumps(answers), encoding="utf-8")
