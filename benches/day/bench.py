"""What does a day of news and posts cost: raw text in, six reports out?

The whole way of a scheduled run, in small: JSONL is ingested, then the six stock reports on entities are run over all
labels and written as JSON. Both on one core and on all, in turn. There is no peer: the system that this replaces is not at hand,
and what it took for 200 GB on 16 vCPU (4 hours, 64 GB) is its users' own account.

The last lines extrapolate to 200 GB on 16 vCPU. They assume that CPU seconds grow with the text (what a tenth of the
text costs is printed beside it), and that each doubling of cores loses as much as the first one did here. The groups of
the reports take memory that grows with the text; so the reports also run within LIMIT, where groups go to disk. What the
process takes beside a limit does not grow with the text (that of a tenth is printed, too), but with the cores.
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import side_by_side as bench  # noqa: E402

REPORTS = (
    "contacts_per_source",
    "cooccurring_entities",
    "entities_by_day",
    "new_in_window",
    "top_domains",
    "top_hashtags",
)
DAY_BYTES = 200e9
DAY_CORES = 16
LIMIT = 80_000_000
DAY_LIMIT = 5e9


def steps(options: argparse.Namespace, jsonl: Path, name: str, cores: int) -> list[bench.Contender]:
    """Ingest, reports, and reports within little memory, on so many cores and on no others."""
    work = options.work / f"{name}-{cores}"
    store, reports, limited = work / "store", work / "reports", work / "limited"
    pinned = ["taskset", "--cpu-list", ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores])), options.spanql]
    threads = ["--threads", str(cores)]
    ingest = [*pinned, "ingest", jsonl, "--store", store, "--text", "text", *options.time, *threads]
    report = [*pinned, "report", *REPORTS, "--store", store, "--format", "json", *threads]
    within = ["--memory-limit", str(LIMIT)]
    suffix = f"{name}, {cores} core{'s' if cores > 1 else ''}"
    return [
        bench.Contender(f"ingest, {suffix}", ingest, before=lambda: bench.remove(store)),
        bench.Contender(f"reports, {suffix}", [*report, "-o", reports], before=lambda: bench.remove(reports)),
        bench.Contender(f"limited, {suffix}", [*report, "-o", limited, *within], before=lambda: bench.remove(limited)),
    ]


def answers(options: argparse.Namespace, name: str, cores: int, folder: str) -> dict[str, list[object]]:
    files = sorted((options.work / f"{name}-{cores}" / folder).glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def check(options: argparse.Namespace, name: str, cores: list[int]) -> None:
    """Six reports, none of them empty, the same from any number of cores and within any memory."""
    first, *others = (answers(options, name, n, folder) for n in cores for folder in ("reports", "limited"))
    if sorted(first) != sorted(REPORTS) or not all(first.values()):
        sys.exit(f"not all reports have rows: { {report: len(rows) for report, rows in first.items()} }")
    if any(other != first for other in others):
        sys.exit("the reports depend on the number of cores or on the memory")
    labels = {row["label"] for row in first["entities_by_day"]}  # type: ignore[index, call-overload]
    found = sum(row["mentions"] for row in first["entities_by_day"])  # type: ignore[index, call-overload, misc]
    print(f"six equal reports; {found:,} entities with a day, of {len(labels)} labels: {', '.join(sorted(labels))}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--spanql", type=Path, required=True, help="the binary")
    arguments.add_argument("--corpus", type=Path, required=True, help="prefix of the .jsonl")
    arguments.add_argument("--work", type=Path, default=Path(".bench/day"), help="folder for what is made")
    arguments.add_argument("--time", default="ts", help="the time column of the corpus")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    options.time = ["--time", options.time]
    options.work.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        sys.exit("two cores are needed to see what a second one brings")

    bench.title(__doc__.splitlines()[0])
    bench.machine(options.spanql, ())
    whole = options.corpus.with_name(options.corpus.name + ".jsonl")
    tenth = bench.first_tenth(whole, options.work / "tenth.jsonl")
    bytes_of = {"whole": whole.stat().st_size, "tenth": tenth.stat().st_size}
    runs = [("whole", 1), ("whole", cores), ("tenth", cores)]
    contenders = [step for name, n in runs for step in steps(options, {"whole": whole, "tenth": tenth}[name], name, n)]
    costs = bench.run_in_turn(contenders, options.rounds)
    check(options, "whole", [1, cores])
    bench.show(costs, f"ingest, whole, {cores} cores")

    def day(name: str, n: int) -> tuple[float, float, float]:
        """CPU and wall seconds of ingest and reports, and the higher of their peaks."""
        both = [costs[step.name] for step in steps(options, whole, name, n)[:2]]
        return sum(c.cpu for c in both), sum(c.wall for c in both), max(c.rss for c in both)

    def beside(name: str) -> float:
        """What the process took beside its limit."""
        return costs[steps(options, whole, name, cores)[2].name].rss - LIMIT

    cpu, wall, rss = day("whole", cores)
    _, wall_of_one, _ = day("whole", 1)
    cpu_of_tenth, _, rss_of_tenth = day("tenth", cores)
    size = bytes_of["whole"]
    rate, rate_of_tenth = size / 1e6 / cpu, bytes_of["tenth"] / 1e6 / cpu_of_tenth
    speed_up = wall_of_one / wall
    print(f"→ {size / 1e9:.2f} GB: {rate:.0f} MB per CPU second ({rate_of_tenth:.0f} on a tenth of it)")
    print(
        f"→ {cores} cores are {speed_up:.2f} times as fast as one; peak {rss / 1e6:.0f} MB ({rss_of_tenth / 1e6:.0f})"
    )
    _, reports, limited = (costs[step.name] for step in steps(options, whole, "whole", cores))
    dearer = median(bench.ratios(limited, reports))
    print(
        f"→ within {LIMIT / 1e6:.0f} MB the reports are the same at {dearer:.2f} times the CPU; "
        f"{beside('whole') / 1e6:.0f} MB beside the limit ({beside('tenth') / 1e6:.0f})"
    )

    kept = min(speed_up / cores, 1.0) ** (math.log2(DAY_CORES) / math.log2(cores))
    seconds = DAY_BYTES / size * cpu / DAY_CORES / kept
    slope = (rss - rss_of_tenth) / (size - bytes_of["tenth"])
    memory = rss + max(slope, 0) * (DAY_BYTES - size)
    within = DAY_LIMIT + beside("whole") * DAY_CORES / cores
    print(
        f"→ extrapolated to {DAY_BYTES / 1e9:.0f} GB on {DAY_CORES} vCPU: {seconds / 60:.0f} minutes, if {kept:.0%} of "
        f"the cores' speed is kept; {memory / 1e9:.0f} GB, if memory grows with the text as from the tenth to the whole, "
        f"{within / 1e9:.1f} GB with --memory-limit {DAY_LIMIT / 1e9:.0f}GB, if what is beside the limit grows with the cores"
    )


if __name__ == "__main__":
    main()
