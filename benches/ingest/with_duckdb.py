"""DuckDB: with_duckdb.py JSONL OUT.parquet CODEC"""

import sys

import duckdb

jsonl, out, codec = sys.argv[1:]
level = ", COMPRESSION_LEVEL 3" if codec == "zstd" else ""
duckdb.execute("SET preserve_insertion_order = false")
duckdb.execute(
    f"COPY (SELECT * FROM read_json_auto('{jsonl}')) TO '{out}' (FORMAT parquet, COMPRESSION '{codec}'{level})"
)
