"""DuckDB: with_duckdb.py PARQUET OUT.json naive|tuned|contains"""

import json
import sys
from pathlib import Path

import duckdb

parquet, out, formulation = sys.argv[1:]
LOWER = r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+"
BOTH = r"[A-Za-z0-9.\-+_]+@[A-Za-z0-9.\-+_]+\.[A-Za-z]+"

addresses = {
    "naive": f"SELECT unnest(regexp_extract_all(lower(text), '{LOWER}')) AS a FROM '{parquet}'",
    "tuned": f"SELECT lower(unnest(regexp_extract_all(text, '{BOTH}'))) AS a FROM '{parquet}'",
    "contains": f"SELECT lower(unnest(regexp_extract_all(text, '{BOTH}'))) AS a FROM '{parquet}' "
    "WHERE contains(text, '@')",
}[formulation]
duckdb.execute("SET preserve_insertion_order = false")
rows = duckdb.execute(
    f"SELECT split_part(a, '@', 2) AS domain, count(*) AS n FROM ({addresses}) "
    "GROUP BY 1 ORDER BY n DESC, domain LIMIT 100"
).fetchall()
Path(out).write_text(json.dumps([{"domain": domain, "n": n} for domain, n in rows]), encoding="utf-8")
