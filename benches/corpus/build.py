"""Builds the bench's text: `build.py RAW PREFIX BYTES` writes PREFIX.jsonl and PREFIX.parquet.

A document is a random slice of a source, 200 to 2,000 characters long (log-uniform), 75 % English and 25 % Chinese,
with entities planted at word borders (Poisson). Columns: id, ts (milliseconds), origin, text.
"""

import json
import math
import pickle
import random
import re
import sys
from pathlib import Path

import entities
import pyarrow as pa
import pyarrow.parquet as pq
import sources

SEED = 20250101
BATCH = 131_072
BORDER = re.compile(r"[\s，。；、！？]")
START_OF_2025 = 1_735_689_600_000
SCHEMA = pa.schema([("id", pa.int64()), ("ts", pa.timestamp("ms")), ("origin", pa.string()), ("text", pa.string())])


def load_pools(raw: Path) -> tuple[dict[str, str], dict[str, str]]:
    cache = raw / "pools.pickle"
    if not cache.exists():
        cache.write_bytes(pickle.dumps(sources.pools(raw)))
    return pickle.loads(cache.read_bytes())


def weighted(language: str, pools: dict[str, str], most: float) -> tuple[list[tuple[str, str]], list[float]]:
    """Sources by size; a limit keeps one of them from being everything, and changelogs are dull."""
    kept = [(f"{language}/{name}", text) for name, text in pools.items() if len(text) > 5000]
    return kept, [min(len(text), most) * (0.3 if "changelog" in name else 1) for name, text in kept]


def plant(text: str, entity: str, phrases: list[str], chinese: bool, rng: random.Random) -> str:
    at = BORDER.search(text, int(rng.random() * len(text)))
    position = at.end() if at else len(text)
    phrase = rng.choice(phrases).format(entity) + ("" if chinese else " ")
    return text[:position] + phrase + text[position:]


def documents(raw: Path, rng: random.Random):
    """Endless (origin, text)."""
    english_pools, chinese_pools = load_pools(raw)
    english, chinese = weighted("en", english_pools, 15e6), weighted("zh", chinese_pools, 4e6)
    made = entities.Entities(rng)
    none = {kind: math.exp(-rate) for kind, rate in entities.RATES.items()}
    shortest, longest = math.log(200), math.log(2000)
    while True:
        is_chinese = rng.random() < 0.25
        origin, pool = rng.choices(*(chinese if is_chinese else english))[0]
        length = int(math.exp(shortest + (longest - shortest) * rng.random()))
        offset = int(rng.random() * (len(pool) - length))
        text = pool[offset : offset + length]
        phrases = entities.CHINESE if is_chinese else entities.ENGLISH
        for kind in entities.RATES:
            # Knuth's way to draw from a Poisson distribution.
            product = rng.random()
            while product > none[kind]:
                product *= rng.random()
                text = plant(text, getattr(made, kind)(), phrases[kind], is_chinese, rng)
        text = text.strip()
        if text:
            yield origin, text


def main() -> None:
    raw, prefix, target = Path(sys.argv[1]), sys.argv[2], int(float(sys.argv[3]))
    # Under its own name only when whole: the name is how the next run knows that there is a corpus.
    jsonl = Path(f"{prefix}.jsonl.partial")
    with (
        jsonl.open("w", encoding="utf-8") as lines,
        pq.ParquetWriter(
            f"{prefix}.parquet", SCHEMA, compression="zstd", compression_level=3, use_dictionary=["origin"]
        ) as parquet,
    ):
        size, rows = 0, []
        for number, (origin, text) in enumerate(documents(raw, random.Random(SEED)), start=1):
            row = {"id": number, "ts": START_OF_2025 + number * 37, "origin": origin, "text": text}
            rows.append(row)
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            size += len(text.encode())
            if len(rows) == BATCH or size >= target:
                columns = [pa.array([row[field.name] for row in rows], field.type) for field in SCHEMA]
                parquet.write_table(pa.table(columns, schema=SCHEMA))
                rows.clear()
            if size >= target:
                break
    jsonl.rename(f"{prefix}.jsonl")
    print(f"{prefix}: {number:,} documents, {size:,} bytes of text")


if __name__ == "__main__":
    main()
