"""Does the shape of my input matter: many small files, another encoding, one endless line?

The same documents are ingested from one file, from files of 2 KB each, in GB18030 and in UTF-16, compressed in four
ways, and as an array of JSON. Every store must hold the same number of documents and bytes of text. Last comes a single
line that is far beyond the limit on records: it must go to quarantine, and memory must not grow with it.
"""

import argparse
import bz2
import gzip
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import side_by_side as bench  # noqa: E402

SENTENCES = (
    "The harbour office answers letters on weekdays, write to desk@news.example.net before noon.",
    "Orders above $1,500 are shipped on 2026-11-22 at 10:30 from the warehouse in Leith.",
    "第三条：中华人民共和国公民在法律面前一律平等，任何公民享有宪法和法律规定的权利。",
    "订单已于2026年11月22日下午3点半发出，联系电话 13800138000，谢谢！",
)
QUARANTINED = 3


def line(number: int) -> str:
    """About 2 KB of UTF-8."""
    text = " ".join(SENTENCES[(number + at) % len(SENTENCES)] for at in range(20))
    return json.dumps({"text": f"{number} {text}", "n": number}, ensure_ascii=False)


def make(folder: Path, count: int) -> dict[str, Path]:
    """The inputs by name."""
    bench.remove(folder)
    (folder / "files").mkdir(parents=True)
    lines = [line(number) for number in range(count)]
    text = "\n".join(lines) + "\n"
    for number, one in enumerate(lines):
        part = folder / "files" / f"{number // 1000:04}"
        part.mkdir(exist_ok=True)
        (part / f"{number:07}.jsonl").write_text(one + "\n", encoding="utf-8")
    utf8 = text.encode()
    pack: dict[str, tuple[str, Callable[[], bytes]]] = {
        "one file": ("one.jsonl", lambda: utf8),
        "gb18030": ("gb.jsonl", lambda: text.encode("gb18030")),
        "utf-16": ("utf16.jsonl", lambda: text.encode("utf-16")),
        "gzip": ("gzip.jsonl.gz", lambda: gzip.compress(utf8, 6)),
        "bzip2": ("bzip2.jsonl.bz2", lambda: bz2.compress(utf8)),
        "xz": ("xz.jsonl.xz", lambda: lzma.compress(utf8, preset=1)),
        "json array": ("array.json", lambda: ("[" + ",\n".join(lines) + "]").encode()),
    }
    inputs = {}
    for name, (file, contents) in pack.items():
        inputs[name] = folder / file
        inputs[name].write_bytes(contents())
    inputs[f"{count:,} files"] = folder / "files"
    return inputs


def ingest(options: argparse.Namespace, name: str, source: Path, *more: str) -> bench.Contender:
    store = options.work / "stores" / name.replace(" ", "-")
    command = [options.spanql, "ingest", source, "--store", store, *more]
    return bench.Contender(name, command, before=lambda: bench.remove(store))


def held(options: argparse.Namespace, name: str) -> object:
    """Documents and bytes of text in a store."""
    store = options.work / "stores" / name.replace(" ", "-")
    query = "SELECT count(*) AS documents, sum(octet_length(text)) AS bytes FROM documents"
    return json.loads(bench.output(options.spanql, "sql", query, "--store", store, "--format", "json"))


def endless(options: argparse.Namespace) -> None:
    """One line of so many bytes between two good ones."""
    source = options.work / "endless.jsonl"
    with source.open("wb") as file:
        file.write(b'{"text":"before"}\n{"text":"')
        for _ in range(options.line_bytes // (1 << 20)):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"text":"after"}\n')
    contender = ingest(options, "endless line", source)
    refused = bench.Contender(
        contender.name,
        ["sh", "-c", f'"$@"; [ $? = {QUARANTINED} ]', "sh", *contender.command],
        contender.before,
    )
    cost = bench.run_once(refused)
    store = options.work / "stores" / "endless-line"
    query = "SELECT record, byte_offset, length, raw FROM quarantine"
    rows = json.loads(bench.output(options.spanql, "sql", query, "--store", store, "--format", "json"))
    for row in rows:
        # Bytes are written as two digits each.
        row["kept"] = len(row.pop("raw")) // 2
    expected = [{"record": 2, "byte_offset": 18, "length": source.stat().st_size - 18 - 17 - 1, "kept": 64 << 10}]
    if rows != expected:
        sys.exit(f"quarantine holds {rows}, not {expected}")
    size = source.stat().st_size / 1e6
    print(f"\none line of {size:,.0f} MB: quarantined; {cost.cpu:.2f} CPU s, peak {cost.rss / 1e6:.0f} MB")
    source.unlink()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--spanql", type=Path, required=True, help="the binary")
    arguments.add_argument("--work", type=Path, default=Path(".bench/shapes"), help="folder for what is made")
    arguments.add_argument("--files", type=int, default=100_000, help="how many documents of 2 KB")
    arguments.add_argument("--line-bytes", type=int, default=1 << 30)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()

    bench.title(__doc__.splitlines()[0])
    bench.machine(options.spanql, ())
    inputs = make(options.work / "in", options.files)
    contenders = [ingest(options, name, source) for name, source in inputs.items()]
    costs = bench.run_in_turn(contenders, options.rounds)
    stores = {name: held(options, name) for name in inputs}
    if len({json.dumps(rows) for rows in stores.values()}) != 1:
        sys.exit(f"the stores differ: {stores}")
    print(f"{len(stores)} equal stores: {stores['one file']}")
    bench.show(costs, "one file", inputs["one file"].stat().st_size)
    endless(options)


if __name__ == "__main__":
    main()
