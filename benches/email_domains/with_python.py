"""Python's re, as `extract_and_aggregate` was before SpanQL: with_python.py PARQUET OUT.json plain"""

import json
import re
import sys
from collections import Counter
from glob import glob
from pathlib import Path

import pyarrow.parquet as pq

parquet, out, _ = sys.argv[1:]
EMAIL = re.compile(r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+")


def extract_and_aggregate(texts: list[str]) -> list[dict[str, list[str]]]:
    return [{"emails": EMAIL.findall(text.lower())} for text in texts]


texts = [text for path in glob(parquet) for text in pq.read_table(path, columns=["text"]).column(0).to_pylist()]
counts = Counter(email.split("@")[1] for result in extract_and_aggregate(texts) for email in result["emails"])
top = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:100]
Path(out).write_text(json.dumps([{"domain": domain, "n": n} for domain, n in top]), encoding="utf-8")
