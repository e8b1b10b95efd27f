"""Does one scan ever cost more than the scans that it replaces?

Runs each shape of the table in `tests/one_scan/shapes.rs` over a store of the corpus with `spanql.one_scan` on and off, in
turn, on one core, and compares medians of CPU seconds. It fails where a shape is slower with the rule by more than 5 %.
What is the same for all, starting and opening the store, is in both sides.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SHAPES = HERE.parent.parent / "tests" / "one_scan" / "shapes.rs"
WORSE = 1.05


def shapes() -> dict[str, str]:
    """The queries that need no model; what else only the test has takes another form."""
    found = re.findall(r'\(\n\s+"([^"]+)",\n\s+"((?:[^"\\]|\\.)+)",\n\s+\d+,', SHAPES.read_text(encoding="utf-8"))
    if len(found) < 30:
        sys.exit(f"{SHAPES} has another form: {len(found)} shapes read")
    ours = {"$label": "'EMAIL'", "'topic2'": "'2'", "topic": "substr(doc_id, -1)"}
    # A column of documents, where they have another name.
    ours = {"d.topic": "substr(d.doc_id, -1)", **ours}
    queries = {}
    for name, query in found:
        for theirs, form in ours.items():
            query = query.replace(theirs, form)
        queries |= {} if "'mock'" in query else {name: query}
    return queries


def seconds(options: argparse.Namespace, query: str, shares: bool) -> float:
    """CPU seconds of one run; what it prints is thrown away."""
    view = "CREATE VIEW mails AS SELECT doc_id, source, value FROM entities WHERE label = 'EMAIL'"
    script = f"SET spanql.one_scan = {str(shares).lower()};\n{view};\n{query};\n"
    command = [options.spanql, "shell", "--store", options.store, "--threads", "1"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    done = subprocess.run(command, input=script, text=True, check=False, **quiet)
    if done.returncode != 0:
        sys.exit(f"{query}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--spanql", default="target/release/spanql", help="the binary, as make release builds it")
    arguments.add_argument("--corpus", required=True, help="prefix of a .jsonl with text")
    arguments.add_argument("--store", help="where to put the store of the corpus, or where one is")
    arguments.add_argument("--pairs", type=int, default=11, help="runs of each shape, with and without")
    options = arguments.parse_args()
    options.store = options.store or f"{options.corpus}.one_scan"
    if not os.path.isdir(options.store):
        ingest = [options.spanql, "ingest", f"{options.corpus}.jsonl", "--store", options.store, "--text", "text"]
        subprocess.run(ingest, check=True)
    print(f"{'shape':44} {'without':>8} {'with':>8}  ratio")
    slower = []
    for name, query in shapes().items():
        pairs = [(seconds(options, query, False), seconds(options, query, True)) for _ in range(options.pairs)]
        without, shared = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = shared / without
        slower += [name] if ratio > WORSE else []
        print(f"{name:44} {without:8.2f} {shared:8.2f}  {ratio:5.2f}")
    if slower:
        sys.exit(f"slower by more than 5 %: {', '.join(slower)}")


if __name__ == "__main__":
    main()
