"""What does ingest cost above the least that JSONL.gz → Parquet can cost, and does its memory grow with the input?

The least is `floor.rs`: decompress, check with serde_json, write the same columns. Inputs of several sizes are made here, out
of one member of gzip as often as is needed, of the texts of a file, or else of four sentences. These compress so well that
little is left to do but what ingest does besides: the hardest case.
"""

import argparse
import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import shapes  # noqa: E402
import side_by_side as bench  # noqa: E402

MEMBER = 50_000_000


def lines(texts: Path | None) -> Iterator[str]:
    """Without end, or as many as there are texts."""
    if texts is None:
        yield from map(shapes.line, count())
        return
    with texts.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            yield json.dumps({"text": json.loads(line)["text"], "n": number}, ensure_ascii=False)


def make(folder: Path, size: int, texts: Path | None) -> tuple[Path, int]:
    """About so many bytes of JSON lines, compressed, and how many there are. Little of it is in memory at once, since what
    this process has counts for those that it starts."""
    folder.mkdir(parents=True, exist_ok=True)
    member, path = folder / "member.gz", folder / f"{size}.jsonl.gz"
    length = 0
    with gzip.open(member, "wb", 6) as file:
        for line in lines(texts):
            length += file.write((line + "\n").encode())
            if length >= min(size, MEMBER):
                break
    times = max(1, round(size / length))
    with path.open("wb") as file:
        for _ in range(times):
            with member.open("rb") as again:
                shutil.copyfileobj(again, file)
    bench.remove(member)
    return path, times * length


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--spanql", type=Path, required=True, help="the binary")
    arguments.add_argument("--floor", type=Path, required=True, help="the binary of floor.rs")
    arguments.add_argument("--work", type=Path, default=Path(".bench/jsonl-gz"), help="folder for what is made")
    arguments.add_argument("--megabytes", type=int, nargs="+", default=[100, 1_000, 5_000], help="sizes of the inputs")
    arguments.add_argument("--text", type=Path, help="JSON lines with a text, to make the inputs of")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()

    bench.title(__doc__.splitlines()[0])
    bench.machine(options.spanql, ())
    for megabytes in options.megabytes:
        source, size = make(options.work, megabytes * 1_000_000, options.text)
        store, table = options.work / "store", options.work / "floor.parquet"
        contenders = [
            bench.Contender("floor", [options.floor, source, table], before=lambda table=table: bench.remove(table)),
            bench.Contender(
                "ingest",
                [options.spanql, "ingest", source, "--store", store],
                before=lambda store=store: bench.remove(store),
            ),
        ]
        costs = bench.run_in_turn(contenders, options.rounds)
        query = "SELECT count(*) AS n, sum(octet_length(text)) AS bytes FROM "
        held = bench.output(options.spanql, "sql", query + "documents", "--store", store, "--format", "json")
        least = bench.output(options.spanql, "sql", query + f"'{table}'", "--format", "json")
        if held != least:
            sys.exit(f"the store holds {held}, the floor wrote {least}")
        print(f"\n{megabytes:,} MB of JSON lines")
        bench.show(costs, "floor", size)
        for path in (source, store, table):
            bench.remove(path)


if __name__ == "__main__":
    main()
