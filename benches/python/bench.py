"""What does it cost to use SpanQL from Python?

Prints three tables: entities of a million short texts as Arrow and as lists of dictionaries; a call of
`extract_and_aggregate` beside the old function, from one text on; and the memory of a process that reads a result of
five gigabytes batch by batch, and one of a gigabyte in rows of 100 KB. Times are wall times, the median of several runs
in turn; answers are compared before.

    make bench-python
"""

from __future__ import annotations

import argparse
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import spanql

EMAIL = re.compile(r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+")
LABELS = ["EMAIL", "URL", "IP", "PHONE", "MENTION", "HASHTAG", "DATE", "MONEY"]
WORDS = "the market report shows that prices of goods rose again this week while analysts expect a slower pace".split()
PLANTED = ["ann.lee@example.com", "https://example.org/a?b=1", "10.0.0.1", "+44 20 7946 0018", "@ann", "#tea", "$5"]

WIDE = """
import re
import pyarrow as pa, spanql
result = spanql.connect(memory_limit="256MB").sql({query!r})
bytes_read = sum(batch.nbytes for batch in {read})
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
print(f"{{bytes_read / 1e9:.2f}} GB read, peak of resident memory {{peak:.0f}} MB")
"""


def old(texts: list[str]) -> list[dict[str, list[str]]]:
    return [{"emails": EMAIL.findall(text.lower())} for text in texts]


def short_texts(count: int) -> list[str]:
    draw = random.Random(5)
    texts = []
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(8, 20))
        if draw.random() < 0.3:
            words.insert(draw.randrange(len(words)), draw.choice(PLANTED))
        texts.append(" ".join(words))
    return texts


def median(work: Callable[[], Any], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def columns(count: int, rounds: int) -> None:
    texts = short_texts(count)
    column = pa.array(texts)
    labels = ",".join(LABELS)
    print(f"\n## Entities of {count:,} texts of {sum(map(len, texts)) / count:.0f} characters, {len(LABELS)} labels\n")
    assert spanql.extract_entities(texts, labels).to_pylist() == spanql.extract_entities(column, labels).to_pylist()
    ways: dict[str, Callable[[], Any]] = {
        "list in, pyarrow out": lambda: spanql.extract_entities(texts, labels),
        "pyarrow in, pyarrow out": lambda: spanql.extract_entities(column, labels),
        "list in, a dictionary an entity": lambda: spanql.extract_entities(texts, labels).to_pylist(),
        "list in, a dictionary a text": lambda: spanql.extract_and_aggregate(texts, labels),
        "old function (e-mail alone)": lambda: old(texts),
        "extract_and_aggregate (e-mail alone)": lambda: spanql.extract_and_aggregate(texts),
    }
    times = {name: median(way, rounds) for name, way in ways.items()}
    print("| way | s | to the first |\n|---|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {seconds:.3f} | {seconds / times['list in, pyarrow out']:.1f} × |")


def calls(largest: int) -> None:
    print("\n## A call of `extract_and_aggregate`\n")
    print("| texts | old, µs | new, µs | new − old, µs | new / old |\n|---|---|---|---|---|")
    texts = short_texts(largest)
    count = 1
    while count <= largest:
        some = texts[:count]
        assert spanql.extract_and_aggregate(some) == old(some)
        repeats = max(1, 20_000 // count)
        before = median(lambda: [old(some) for _ in range(repeats)], 7) / repeats * 1e6
        after = median(lambda: [spanql.extract_and_aggregate(some) for _ in range(repeats)], 7) / repeats * 1e6
        print(f"| {count:,} | {before:.2f} | {after:.2f} | {after - before:+.2f} | {after / before:.2f} |")
        count *= 10


def wide(gigabytes: float) -> None:
    print(f"\n## A result of {gigabytes:g} GB\n")
    streamed(f"SELECT repeat('wide ', 400) || value AS text FROM range({int(gigabytes * 1e9 / 2005)})")


def long(gigabytes: float) -> None:
    print(f"\n## A result of {gigabytes:g} GB in rows of 100 KB, from a Parquet file\n")
    draw = random.Random(5)
    words = " ".join(draw.choices(WORDS, k=1_000_000))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "long.parquet")
        with pq.ParquetWriter(path, pa.schema([("text", pa.string())])) as file:
            for _ in range(int(gigabytes * 1e4 / 500)):
                starts = [draw.randrange(len(words) - 100_000) for _ in range(500)]
                file.write_table(pa.table({"text": [words[at : at + 100_000] for at in starts]}))
        streamed(f"SELECT text FROM '{path}'")


def streamed(query: str) -> None:
    for read in ("result", "pa.RecordBatchReader.from_stream(result)"):
        script = WIDE.format(query=query, read=read)
        done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
        print(f"- `for batch in {read}`: {done.stdout.strip()}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=5)
    options = parser.parse_args()
    print(f"SpanQL {spanql.__version__}, Python {platform.python_version()}, {platform.machine()}")
    columns(options.texts, options.rounds)
    calls(options.texts)
    wide(options.gigabytes)
    long(options.gigabytes / 5)


if __name__ == "__main__":
    main()
