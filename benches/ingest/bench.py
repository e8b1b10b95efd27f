"""How fast does my JSONL become Parquet, and which codec makes later queries cheapest?

First the cost of `spanql ingest` in each codec beside DuckDB and Polars, which only convert: they keep no quarantine,
no document ids and no record of what was ingested. Every output must hold all documents and all bytes of text. Then
what a query pays for each codec that spanql wrote: reading all text once, which is the floor of every query that looks
for entities. The default codec is the one whose ingest and reading together are cheapest when a text is queried a few
times; the last table says so for 1, 3 and 10 queries.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import side_by_side as bench  # noqa: E402

READ_ALL = "SELECT sum(octet_length(text)) AS bytes FROM documents"
PEERS = ("duckdb", "polars")


def spanql(options: argparse.Namespace, jsonl: Path, codec: str, name: str = "whole") -> bench.Contender:
    store = options.work / f"{name}-{codec}"
    command = [options.spanql, "ingest", jsonl, "--store", store, "--text", "text", "--codec", codec]
    return bench.Contender(f"spanql {codec}", command, before=lambda: bench.remove(store))


def peer(options: argparse.Namespace, jsonl: Path, name: str, codec: str) -> bench.Contender:
    out = options.work / f"{name}-{codec}.parquet"
    command = [sys.executable, HERE / f"with_{name}.py", jsonl, out, codec]
    return bench.Contender(f"{name} {codec}", command, before=lambda: bench.remove(out))


def contents(*parquet: str) -> tuple[int, int, int]:
    """Documents, bytes of text and bytes on disk, as DuckDB sees them, in a process of its own."""
    query = "SELECT count(*), sum(strlen(text)) FROM read_parquet(?)"
    # Its progress bar would go to standard output, too.
    quiet = "duckdb.execute('SET enable_progress_bar = false')"
    answer = f"json.dumps(duckdb.execute('{query}', [sys.argv[1:]]).fetchone())"
    code = f"import duckdb, json, sys; {quiet}; print({answer})"
    rows, size = json.loads(bench.output(sys.executable, "-c", code, *parquet))
    return rows, int(size), sum(Path(path).stat().st_size for path in parquet)


def check(options: argparse.Namespace, contenders: list[bench.Contender]) -> dict[str, int]:
    """Every contender wrote the same documents; answers their sizes on disk by name."""
    seen = {}
    for contender in contenders:
        engine, codec = contender.name.split()
        if engine == "spanql":
            files = sorted(map(str, (options.work / f"whole-{codec}" / "documents").glob("*.parquet")))
        else:
            files = [str(options.work / f"{engine}-{codec}.parquet")]
        seen[contender.name] = contents(*files)
    if len({(rows, text) for rows, text, _ in seen.values()}) != 1:
        sys.exit(f"the outputs differ (documents, bytes of text, bytes on disk): {seen}")
    rows, text, _ = next(iter(seen.values()))
    print(f"{len(seen)} outputs of {rows:,} documents and {text:,} bytes of text each")
    return {name: size for name, (_, _, size) in seen.items()}


def reading(
    options: argparse.Namespace, codecs: list[str], sizes: dict[str, int], ingest: dict[str, bench.Costs]
) -> None:
    """What reading all text costs, and what a codec costs in all."""
    queries = [
        bench.Contender(
            f"spanql {codec}", [options.spanql, "sql", READ_ALL, "--store", options.work / f"whole-{codec}"]
        )
        for codec in codecs
    ]
    bench.run_in_turn(queries, rounds=1)
    costs = bench.run_in_turn(queries, options.rounds)
    print(f"\nReading all text: {READ_ALL}")
    bench.show(costs, min(costs, key=lambda name: costs[name].cpu))

    print("\nCPU seconds of one ingest and so many queries' reading")
    print(f"{'':14} {'MB on disk':>10} {'1':>8} {'3':>8} {'10':>8}")
    for name, cost in costs.items():
        totals = " ".join(f"{ingest[name].cpu + times * cost.cpu:8.2f}" for times in (1, 3, 10))
        print(f"{name:14} {sizes[name] / 1e6:10.0f} {totals}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--spanql", type=Path, required=True, help="the binary")
    arguments.add_argument("--corpus", type=Path, required=True, help="prefix of the .jsonl")
    arguments.add_argument("--work", type=Path, default=Path(".bench/ingest"), help="folder for what is made")
    arguments.add_argument("--codecs", default="zstd,lz4,snappy,none", help="which of zstd, lz4, snappy, none")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    codecs = options.codecs.split(",")

    bench.title(__doc__.splitlines()[0])
    bench.machine(options.spanql, PEERS)
    jsonl = options.corpus.with_name(options.corpus.name + ".jsonl")
    size = jsonl.stat().st_size
    ours = [spanql(options, jsonl, codec) for codec in codecs]
    # In its own default codec and in the one that makes the smallest files, as far as ours are asked for.
    peers = [peer(options, jsonl, name, codec) for name in PEERS for codec in ("zstd", "snappy") if codec in codecs]
    bench.run_in_turn([*ours, *peers], rounds=1)
    sizes = check(options, [*ours, *peers])
    costs = bench.run_in_turn([*ours, *peers], options.rounds)
    print(f"\n{jsonl}: {size / 1e6:,.0f} MB")
    bench.show(costs, ours[0].name, size)

    tenth = bench.first_tenth(jsonl, options.work / "tenth.jsonl")
    small = bench.run_in_turn([spanql(options, tenth, codec, "tenth") for codec in codecs], rounds=3)
    for name, cost in small.items():
        whole = costs[name].rss
        print(f"→ {name}: peak {cost.rss / 1e6:.0f} MB on a tenth of the text, {whole / 1e6:.0f} MB on all of it")

    reading(options, codecs, sizes, costs)


if __name__ == "__main__":
    main()
