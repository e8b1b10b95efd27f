"""Polars, streaming: with_polars.py PARQUET OUT.json naive|tuned|contains"""

import sys
from pathlib import Path

import polars as pl

parquet, out, formulation = sys.argv[1:]
LOWER = r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+"
BOTH = r"[A-Za-z0-9.\-+_]+@[A-Za-z0-9.\-+_]+\.[A-Za-z]+"

documents = pl.scan_parquet(parquet).select("text")
text = pl.col("text")
addresses = {
    "naive": lambda: documents.select(address=text.str.to_lowercase().str.extract_all(LOWER)),
    "tuned": lambda: documents.select(address=text.str.extract_all(BOTH)),
    "contains": lambda: documents.filter(text.str.contains("@", literal=True)).select(
        address=text.str.extract_all(BOTH)
    ),
}[formulation]()
domains = (
    addresses.explode("address")
    .drop_nulls()
    .select(domain=pl.col("address").str.to_lowercase().str.split("@").list.get(1))
    .group_by("domain")
    .agg(n=pl.len())
    .collect(engine="streaming")
    .sort(["n", "domain"], descending=[True, False])
    .head(100)
)
Path(out).write_text(domains.write_json(), encoding="utf-8")
