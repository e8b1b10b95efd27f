"""Polars, streaming: with_polars.py JSONL OUT.parquet CODEC"""

import sys

import polars as pl

jsonl, out, codec = sys.argv[1:]
pl.scan_ndjson(jsonl).sink_parquet(out, compression=codec, compression_level=3 if codec == "zstd" else None)
