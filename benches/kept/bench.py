"""What do kept entities save: a second extract after 1 % of new documents, and a question about one value?

The second `spanql extract` is to cost at most 3 % of the first, both with start-up. The question is
`WHERE label = 'EMAIL' AND value = '…'`, for a value that is there and one that is not, over kept entities and over a
copy of the store that keeps none, which scans the text; both give the same answer, and the cost of a process that only
starts is printed beside them. Kept entities are to be at least 20 times cheaper. With little text the start is most of
it.
"""

import argparse
import json
import random
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import side_by_side as bench  # noqa: E402

WORDS = "the a of and to in tea ship lantern harbour letter price order week 我们 今天 茶馆 价格 订单 联系 收到".split()


def write(path: Path, size: int, seed: int) -> None:
    """About so many bytes of documents, with entities at the rate of news and posts."""
    made = random.Random(seed)
    written = 0
    with path.open("w", encoding="utf-8") as out:
        while written < size:
            words = made.choices(WORDS, k=made.randrange(20, 200))
            for rate, entity in (
                (0.3, f"user{made.randrange(10**6)}@example{made.randrange(900)}.com"),
                (0.5, f"https://example.org/{made.randrange(10**6)}?a=b"),
                (0.2, f"#topic{made.randrange(5000)}"),
                (0.2, f"138{made.randrange(10**8):08}"),
                (0.3, f"2026-{made.randrange(1, 13):02}-{made.randrange(1, 29):02}"),
            ):
                if made.random() < rate:
                    words.insert(made.randrange(len(words)), entity)
            written += out.write(json.dumps({"text": " ".join(words)}, ensure_ascii=False) + "\n")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--spanql", type=Path, required=True, help="the binary")
    arguments.add_argument("--bytes", type=int, default=50_000_000, help="of text")
    arguments.add_argument("--work", type=Path, default=Path(".bench/kept"), help="folder for what is made")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    bench.remove(options.work)
    options.work.mkdir(parents=True)
    store, bare = options.work / "store", options.work / "bare"

    bench.title(__doc__.splitlines()[0])
    bench.machine(options.spanql, [])
    write(options.work / "first.jsonl", options.bytes, 1)
    write(options.work / "second.jsonl", options.bytes // 100, 2)

    def run(name: str, *command: str | Path) -> bench.Cost:
        return bench.run_once(bench.Contender(name, [options.spanql, *command, "--store", store]))

    run("ingest", "ingest", options.work / "first.jsonl")
    first = run("first", "extract")
    run("ingest", "ingest", options.work / "second.jsonl")
    second = run("second", "extract")
    size = sum(path.stat().st_size for path in (store / "entities").glob("*.parquet"))
    print(f"{options.bytes / 1e6:,.0f} MB of text; kept entities take {size / 1e6:,.1f} MB")
    print(f"first extract {first.cpu:.2f} CPU s, peak {first.rss / 1e6:.0f} MB")
    print(f"second extract, after 1 % more, {second.cpu:.2f} CPU s")
    print(f"→ {100 * second.cpu / first.cpu:.1f} % of the first (to reach: 3)")

    shutil.copytree(store, bare, ignore=shutil.ignore_patterns("entities"))
    some = "SELECT value FROM entities WHERE label = 'EMAIL' ORDER BY value LIMIT 1"
    there = bench.output(options.spanql, "sql", some, "--store", store, "--format", "csv").splitlines()[-1]
    for what, value in (("there", there), ("absent", "nobody@example.net")):
        query = f"SELECT count(*) AS n FROM entities WHERE label = 'EMAIL' AND value = '{value}'"
        commands = {
            name: [options.spanql, "sql", asked, "--store", folder]
            for name, asked, folder in (("kept", query, store), ("scan", query, bare), ("start", "SELECT 1", store))
        }
        if bench.output(*commands["kept"]) != bench.output(*commands["scan"]):
            sys.exit(f"{value}: the answers differ")
        costs = bench.run_in_turn([bench.Contender(*pair) for pair in commands.items()], options.rounds)
        print(f"\nA value that is {what}: {query}")
        bench.show(costs, "scan")
        kept, scan, start = (costs[name].cpu for name in ("kept", "scan", "start"))
        without = (scan - start) / max(kept - start, 0.001)
        print(
            f"→ kept entities are {scan / kept:.1f} times cheaper (to reach: 20); without the start {without:.0f} times"
        )


if __name__ == "__main__":
    main()
