"""How often does each of eight kinds of entity occur in my text, and which values are the most frequent?

Counts, distinct values and the twenty most frequent ones of e-mail addresses, URLs, IP addresses, phone numbers,
mentions, hashtags, dates and amounts of money, from Parquet, as JSON. SpanQL answers twice: with the peers' own eight
regular expressions as user patterns (all answers must be equal before anything is measured), and with its built-in
labels, which find other things on purpose; how their counts differ is printed, and README.md beside this file says why.

The floor is printed too: what it costs SpanQL to decode the text column and nothing else. And so is what the same
question costs where `entities` is not asked but a function, in SQL written for speed (`BY_HAND`).
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import side_by_side as bench  # noqa: E402
from kinds import KINDS  # noqa: E402

# The built-in label beside each kind.
LABELS = {
    "email": "EMAIL",
    "url": "URL",
    "ipv4": "IP",
    "phone": "PHONE",
    "mention": "MENTION",
    "hashtag": "HASHTAG",
    "date": "DATE",
    "money": "MONEY",
}
PEERS = ("polars", "duckdb", "chdb")
ENTITIES = "FROM entities\n    WHERE label IN ({labels})"
BY_HAND = """FROM (
        SELECT e['label'] AS label, e['value'] AS value
        FROM (SELECT unnest(extract_entities(text, '{labels}')) AS e FROM documents)
    )"""
DECODE = "SELECT sum(octet_length(text)) AS bytes FROM documents"


def spanql(options: argparse.Namespace, store: Path, name: str, query: str, out: Path) -> bench.Contender:
    command = [options.spanql, "sql", query, "--store", store, "--config", HERE / "spanql.toml"]
    return bench.Contender(f"spanql {name}", [*command, "--format", "json", "-o", out / f"{name}.json"])


def top(labels: list[str]) -> str:
    names = ", ".join(f"'{label}'" for label in labels)
    return (HERE / "top.sql").read_text(encoding="utf-8").replace("{labels}", names)


def by_hand() -> str:
    before, after = (HERE / "top.sql").read_text(encoding="utf-8").split(ENTITIES)
    return before + BY_HAND.replace("{labels}", ",".join(LABELS.values())) + after


def ours(options: argparse.Namespace, store: Path, out: Path) -> list[bench.Contender]:
    return [
        spanql(options, store, "patterns", top(list(KINDS)), out),
        spanql(options, store, "built-in", top(list(LABELS.values())), out),
        spanql(options, store, "by hand", by_hand(), out),
        spanql(options, store, "decode", DECODE, out),
    ]


def answer_of(rows: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    """SpanQL's rows in the form of the peers' answers."""
    answer: dict[str, dict[str, object]] = {}
    for row in rows:
        kind = answer.setdefault(
            str(row["label"]), {"count": row["total"], "distinct": row["distinct_values"], "top": []}
        )
        kind["top"].append([row["value"], row["n"]])  # type: ignore[attr-defined]
    return answer


def check(out: Path) -> int:
    """All answers to the eight expressions are equal, and are answers; gives the number of distinct values."""

    def read(name: str) -> object:
        return json.loads((out / f"{name}.json").read_text(encoding="utf-8"))

    plain = answer_of(read("patterns"))
    for peer in PEERS:
        for kind, answer in read(peer).items():
            if plain[kind] != answer:
                sys.exit(f"{peer} differs from spanql on {kind}:\n{answer}\n{plain[kind]}")
    if read("built-in") != read("by hand"):
        sys.exit("entities and the function differ")
    built_in = answer_of(read("built-in"))
    print(f"{'kind':10} {'matches':>10} {'distinct':>10}   {'label':10} {'entities':>10} {'distinct':>10}")
    for kind, label in LABELS.items():
        expected, found = plain[kind], built_in.get(label, {"count": 0, "distinct": 0})
        if not expected["count"] or not found["count"]:
            sys.exit(f"the text holds no {kind}: there is nothing to measure")
        row = f"{kind:10} {expected['count']:10,} {expected['distinct']:10,}   "
        print(f"{row}{label:10} {found['count']:10,} {found['distinct']:10,}")
    return sum(answer["distinct"] for answer in plain.values())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--spanql", type=Path, required=True, help="the binary")
    arguments.add_argument("--corpus", type=Path, required=True, help="prefix of the .jsonl")
    arguments.add_argument("--work", type=Path, default=Path(".bench/eight_kinds"), help="folder for what is made")
    arguments.add_argument("--codecs", default="zstd", help="which of zstd, lz4, none")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    out = options.work / "answers"
    bench.remove(out)
    out.mkdir(parents=True)

    bench.title(__doc__.splitlines()[0])
    bench.machine(options.spanql, (*PEERS, "pyarrow"))
    jsonl = options.corpus.with_name(options.corpus.name + ".jsonl")
    for codec in options.codecs.split(","):
        store = options.work / f"store-{codec}"
        bench.remove(store)
        bench.output(options.spanql, "ingest", jsonl, "--store", store, "--text", "text", "--codec", codec)
        print(f"\nstore, {codec}")
        parquet = f"{store}/documents/*.parquet"
        peers = [
            bench.Contender(peer, [sys.executable, HERE / f"with_{peer}.py", parquet, out / f"{peer}.json"])
            for peer in PEERS
        ]
        contenders = [*ours(options, store, out), *peers]
        for contender in contenders:
            bench.run_once(contender)
        distinct = check(out)

        costs = bench.run_in_turn(contenders, options.rounds)
        bench.show(costs, "spanql built-in")
        best = min(PEERS, key=lambda peer: costs[peer].cpu)
        ratio = median(bench.ratios(costs["spanql built-in"], costs["spanql by hand"]))
        print(f"→ spanql built-in: {ratio:.2f} × the CPU of the same by hand")
        for name in ("spanql patterns", "spanql built-in"):
            ratio = median(bench.ratios(costs[best], costs[name]))
            decode = median(bench.ratios(costs[name], costs["spanql decode"]))
            print(f"→ {name}: {decode:.2f} × decoding the text; the best peer, {best}, takes {ratio:.2f} × its CPU")
            peak = costs[name].rss / 1e6
            print(f"→ {name}: peak {peak:.0f} MB; 150 MB + 150 bytes × {distinct:,} are {150 + distinct * 150e-6:.0f}")


if __name__ == "__main__":
    main()
