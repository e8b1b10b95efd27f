"""Polars, streaming: with_polars.py PARQUET OUT.json"""

import json
import sys
from pathlib import Path

import polars as pl
from kinds import KINDS

parquet, out = sys.argv[1:]
text = pl.col("text")


def counted(kind: str, pattern: str) -> pl.LazyFrame:
    found = pl.scan_parquet(parquet).select(value=text.str.extract_all(pattern)).explode("value").drop_nulls()
    if kind == "email":
        found = found.select(pl.col("value").str.to_lowercase())
    if kind == "mention":  # extract_all gives the match, not its group: the name without what stands before it.
        found = found.select(value=pl.concat_str(pl.lit("@"), pl.col("value").str.split("@").list.last()))
    return found.group_by("value").agg(n=pl.len())


answers = {}
frames = pl.collect_all([counted(*kind) for kind in KINDS.items()], engine="streaming")
for kind, frame in zip(KINDS, frames, strict=True):
    top = frame.sort(["n", "value"], descending=[True, False]).head(20)
    answers[kind] = {"count": int(frame["n"].sum()), "distinct": frame.height, "top": [list(row) for row in top.rows()]}
Path(out).write_text(json.dumps(answers), encoding="utf-8")
