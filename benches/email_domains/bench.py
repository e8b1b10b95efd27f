"""Which domains do the e-mail addresses in my text name, and how often?

The 100 most frequent domains of all addresses, lower-cased, from Parquet, as JSON. All contenders read the same file
with the same regular expression and must give the same 100 rows before anything is measured.

SpanQL is asked in two ways: through its `entities` table with the expression as a user pattern (`spanql.toml`), and
with `regexp_extract_all` over any Parquet file. Each peer has three formulations (`with_*.py`); one round finds its
best, and that one is measured.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import side_by_side as bench  # noqa: E402

PATTERN = r"[A-Za-z0-9.\-+_]+@[A-Za-z0-9.\-+_]+\.[A-Za-z]+"
ENTITIES = """
SELECT split_part(lower(value), '@', 2) AS domain, count(*) AS n
FROM entities WHERE label = 'MAIL' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100
"""
EXTRACT_ALL = """
SELECT split_part(lower(address), '@', 2) AS domain, count(*) AS n
FROM (SELECT unnest(regexp_extract_all(text, '{pattern}')) AS address FROM {table})
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100
"""
FORMULATIONS = ("naive", "tuned", "contains")
PEERS = ("polars", "duckdb", "chdb")


class Text:
    """One corpus in one codec: `parquet` is what peers read; `store` is None where SpanQL reads the bare file too."""

    def __init__(self, name: str, parquet: str, store: Path | None) -> None:
        self.name, self.parquet, self.store = name, parquet, store


def spanql(options: argparse.Namespace, text: Text, out: Path) -> list[bench.Contender]:
    def contender(way: str, query: str) -> bench.Contender:
        command = [options.spanql, "sql", query, "--format", "json", "-o", out / f"spanql-{way}.json"]
        if text.store:
            command += ["--store", text.store, "--config", HERE / "spanql.toml"]
        return bench.Contender(f"spanql {way}", command)

    table = "documents" if text.store else f"'{text.parquet}'"
    extract_all = contender("regexp_extract_all", EXTRACT_ALL.format(pattern=PATTERN, table=table))
    return [contender("entities", ENTITIES), extract_all] if text.store else [extract_all]


def peer(name: str, formulation: str, text: Text, out: Path) -> bench.Contender:
    command = [sys.executable, HERE / f"with_{name}.py", text.parquet, out / f"{name}-{formulation}.json", formulation]
    return bench.Contender(f"{name} {formulation}", command)


def domains(answer: Path) -> list[tuple[str, int]]:
    rows = json.loads(answer.read_text(encoding="utf-8"))
    return [(row["domain"], row["n"]) for row in rows]


def check(out: Path) -> None:
    """All answers are equal, and are answers."""
    answers = {path.stem: domains(path) for path in sorted(out.glob("*.json"))}
    expected = answers["python-plain"]
    if not expected:
        sys.exit("the text holds no address: there is nothing to measure")
    for name, answer in answers.items():
        if answer != expected:
            differing = next(i for i, row in enumerate(expected) if answer[i : i + 1] != [row])
            sys.exit(f"{name} differs from Python's re at row {differing + 1}: {answer[differing : differing + 1]}")
    print(f"{len(answers)} equal answers of {len(expected)} domains, {expected[0][1]:,} times the first")


def measure(options: argparse.Namespace, whole: Text, tenth: Text, with_python: bool) -> None:
    """One codec: answers, then costs, then memory on a tenth of the text."""
    print(f"\n{whole.name}: {whole.parquet}")
    out = options.work / "answers"
    bench.remove(out)
    out.mkdir(parents=True)
    ours = spanql(options, whole, out)
    python = peer("python", "plain", whole, out)
    for contender in [*ours, python]:
        bench.run_once(contender)
    best = []
    for name in PEERS:
        costs = bench.run_in_turn([peer(name, formulation, whole, out) for formulation in FORMULATIONS], rounds=1)
        best.append(peer(name, min(FORMULATIONS, key=lambda way: costs[f"{name} {way}"].cpu), whole, out))
        print("one round: " + ", ".join(f"{way} {cost.cpu:.2f} CPU s" for way, cost in costs.items()))
    check(out)

    contenders = [*ours, *best, *([python] if with_python else [])]
    costs = bench.run_in_turn(contenders, options.rounds)
    baseline = min((contender.name for contender in ours), key=lambda name: costs[name].cpu)
    bench.show(costs, baseline)
    nearest = min((contender.name for contender in best), key=lambda name: costs[name].cpu)
    ratio = median(bench.ratios(costs[nearest], costs[baseline]))
    print(f"→ {whole.name}: the best peer, {nearest}, takes {ratio:.2f} × the CPU seconds of {baseline}")

    small = bench.run_in_turn(spanql(options, tenth, out), rounds=3)
    for name, cost in small.items():
        ten = costs[name].rss
        print(f"→ {name}: peak {cost.rss / 1e6:.0f} MB on a tenth of the text, {ten / 1e6:.0f} MB on all of it")


def start_up(options: argparse.Namespace) -> None:
    """What every run pays before it reads a byte: interpreter and imports for the peers."""
    idle = [bench.Contender(name, [sys.executable, "-c", f"import {name}"]) for name in PEERS]
    costs = bench.run_in_turn([bench.Contender("spanql", [options.spanql, "--version"]), *idle], options.rounds)
    print("of which start-up: " + ", ".join(f"{name} {cost.cpu:.2f} CPU s" for name, cost in costs.items()))


def store(options: argparse.Namespace, name: str, jsonl: Path, codec: str) -> Text:
    folder = options.work / f"{name}-{codec}"
    bench.remove(folder)
    bench.output(options.spanql, "ingest", jsonl, "--store", folder, "--text", "text", "--codec", codec)
    return Text(f"store, {codec}", f"{folder}/documents/*.parquet", folder)


def rewritten(options: argparse.Namespace, parquet: Path, codec: str, rows: str) -> Text:
    """The corpus as pyarrow writes it; in a process of its own, so that this one stays small."""
    out = options.work / f"pyarrow-{rows}-{codec}.parquet"
    bench.output(sys.executable, HERE / "rewrite.py", parquet, out, codec, rows)
    return Text(f"pyarrow's file, {codec}", str(out), None)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--spanql", type=Path, required=True, help="the binary")
    arguments.add_argument("--corpus", type=Path, required=True, help="prefix of the .jsonl and .parquet")
    arguments.add_argument("--work", type=Path, default=Path(".bench/email_domains"), help="folder for what is made")
    arguments.add_argument("--codecs", default="zstd,lz4,none", help="which of zstd, lz4, none")
    arguments.add_argument("--files", default="store", choices=["store", "pyarrow"], help="who wrote the Parquet")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)

    bench.title(__doc__.splitlines()[0])
    bench.machine(options.spanql, (*PEERS, "pyarrow"))
    start_up(options)
    jsonl = options.corpus.with_name(options.corpus.name + ".jsonl")
    parquet = options.corpus.with_name(options.corpus.name + ".parquet")
    tenth_jsonl = bench.first_tenth(jsonl, options.work / "tenth.jsonl")
    for codec in options.codecs.split(","):
        if options.files == "store":
            whole, tenth = store(options, "whole", jsonl, codec), store(options, "tenth", tenth_jsonl, codec)
        else:
            whole, tenth = (rewritten(options, parquet, codec, rows) for rows in ("whole", "tenth"))
        # The old function costs the same whatever the codec: once is enough.
        measure(options, whole, tenth, with_python=codec == "zstd")


if __name__ == "__main__":
    main()
