"""chdb (ClickHouse): with_chdb.py PARQUET OUT.json naive|tuned|contains"""

import json
import os
import sys
from pathlib import Path

import chdb

parquet, out, formulation = sys.argv[1:]
# Backslashes are doubled once more for ClickHouse's string literals.
LOWER = r"[a-z0-9\\.\\-+_]+@[a-z0-9\\.\\-+_]+\\.[a-z]+"
BOTH = r"[A-Za-z0-9.\\-+_]+@[A-Za-z0-9.\\-+_]+\\.[A-Za-z]+"

documents = f"file('{Path(parquet).absolute()}', Parquet)"
addresses = {
    "naive": f"SELECT arrayJoin(extractAll(lowerUTF8(text), '{LOWER}')) AS a FROM {documents}",
    "tuned": f"SELECT lower(arrayJoin(extractAll(text, '{BOTH}'))) AS a FROM {documents}",
    "contains": f"SELECT lower(arrayJoin(extractAll(text, '{BOTH}'))) AS a FROM {documents} "
    "WHERE position(text, '@') > 0",
}[formulation]
answer = chdb.query(
    f"SELECT splitByChar('@', a)[2] AS domain, count() AS n FROM ({addresses}) "
    f"GROUP BY domain ORDER BY n DESC, domain LIMIT 100 SETTINGS max_threads = {os.cpu_count()}",
    "JSONEachRow",
)
rows = [json.loads(line) for line in str(answer).splitlines()]
Path(out).write_text(json.dumps([{"domain": r["domain"], "n": int(r["n"])} for r in rows]), encoding="utf-8")
