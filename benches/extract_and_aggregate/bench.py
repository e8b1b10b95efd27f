"""Measure `extract_and_aggregate` beside the old function and a straightforward extension.

Prints, for texts of several lengths in ASCII and Chinese, wall times (median of 5, in turn), the pairwise ratios to
the old function, the floor (building the dictionaries alone, in Python), and how far the peak of resident memory rose
in a process of its own. Answers are compared before anything is timed.

    pip install maturin==1.16.0
    maturin build --release -m python/Cargo.toml -o dist
    maturin build --release -m benches/extract_and_aggregate/baseline/Cargo.toml -o dist
    pip install --force-reinstall --no-deps dist/*.whl
    python benches/extract_and_aggregate/bench.py
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import spanql
import spanql_bench_baseline

Answers = list[dict[str, list[str]]]

EMAIL = re.compile(r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+")
LENGTHS = (100, 280, 1_000, 4_000)
SCRIPTS = ("ascii", "chinese")
ROUNDS = 5

WORDS = [
    "the",
    "a",
    "market",
    "report",
    "shows",
    "that",
    "prices",
    "of",
    "goods",
    "rose",
    "again",
    "this",
    "week",
    "while",
    "several",
    "analysts",
    "expect",
    "a",
    "slower",
    "pace",
    "in",
    "the",
    "next",
    "quarter",
    "and",
    "our",
    "readers",
    "ask",
    "whether",
    "the",
    "company",
    "will",
    "answer",
    "before",
    "Monday,",
    "see",
    "item",
    "42",
    "(in",
    "part):",
    "Please-do-not",
    "reply",
    "to",
    "this",
    "message.",
    "Thanks!",
]
HAN = (
    "今天市场分析报告显示本周商品价格继续上涨多位专家预计下季度增速放缓读者询问公司是否会在周一之前作出回应，。！？：“”"
)


def old(texts: list[str]) -> Answers:
    """Find what the function that SpanQL replaces finds."""
    return [{"emails": EMAIL.findall(text.lower())} for text in texts]


def corpus(script: str, length: int, characters: int) -> list[str]:
    """Make texts with an address every 400 characters or so, and an @mention as often."""
    rng = random.Random(f"{script} {length}")
    texts = []
    for _ in range(max(1, characters // length)):
        parts: list[str] = []
        size = 0
        while size < length:
            words = [*rng.choices(WORDS, k=12), ""]
            part = " ".join(words) if script == "ascii" else "".join(rng.choices(HAN, k=60))
            dice = rng.random()
            if dice < 0.17:
                part += f" User.{rng.randrange(10_000)}@Mail{rng.randrange(100)}.example.com "
            elif dice < 0.34:
                part += f" @{rng.choice(WORDS) if script == 'ascii' else rng.choice(HAN)}{rng.randrange(100)} "
            parts.append(part)
            size += len(part)
        texts.append("".join(parts)[:length])
    return texts


VARIANTS: dict[str, Callable[[list[str]], Answers]] = {
    "old": old,
    "baseline": spanql_bench_baseline.extract_and_aggregate,
    "spanql": spanql.extract_and_aggregate,
}


def floor(answers: Answers) -> Answers:
    """Build the dictionaries and lists alone, of strings that are there already."""
    return [{"emails": list(found["emails"])} for found in answers]


def seconds(function: Callable[[Any], object], argument: object) -> float:
    """Time one run, the release of its answer not included."""
    start = time.perf_counter()
    answer = function(argument)
    stop = time.perf_counter()
    del answer
    return stop - start


def status(key: str) -> int:
    """Read a size in kB from the process's own status (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)


def peak_growth(variant: str, script: str, length: int, characters: int) -> None:
    """Print by how many kB one call raises the peak of resident memory; run in a process of its own."""
    texts = corpus(script, length, characters)
    # Threads, lazily made tables and the like are not what is asked about.
    VARIANTS[variant](texts[:100] * 10)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    answers = VARIANTS[variant](texts)
    print(status("VmHWM") - before)
    del answers


def measure_memory(variant: str, script: str, length: int, characters: int) -> float:
    """Give the growth of the peak in MB."""
    command = [sys.executable, __file__, "--peak", variant, script, str(length), str(characters)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) * 1024 / 1e6


def many(characters: int) -> None:
    """Compare whole lists."""
    print(
        f"\nLists of {characters / 1e6:.0f} M characters: wall seconds, median of {ROUNDS} runs in turn; ratio to old"
    )
    print("as the median of pairwise ratios; growth of peak memory in MB.\n")
    print(
        "| texts | old s | floor s | baseline s | spanql s | old/baseline | old/spanql "
        "| old MB | baseline MB | spanql MB |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for script in SCRIPTS:
        for length in LENGTHS:
            texts = corpus(script, length, characters)
            expected = old(texts)
            for name, function in VARIANTS.items():
                if function(texts) != expected:
                    sys.exit(f"{name} gives other answers for {script} texts of {length} characters")
            times: dict[str, list[float]] = {name: [] for name in (*VARIANTS, "floor")}
            for _ in range(ROUNDS):
                for name, function in VARIANTS.items():
                    times[name].append(seconds(function, texts))
                times["floor"].append(seconds(floor, expected))
            median = {name: statistics.median(values) for name, values in times.items()}
            ratio = {
                name: statistics.median(o / n for o, n in zip(times["old"], times[name], strict=True))
                for name in ("baseline", "spanql")
            }
            memory = {name: measure_memory(name, script, length, characters) for name in VARIANTS}
            print(
                f"| {script} {length:,} | {median['old']:.3f} | {median['floor']:.3f} | {median['baseline']:.3f} "
                f"| {median['spanql']:.3f} | {ratio['baseline']:.1f} | **{ratio['spanql']:.1f}** "
                f"| {memory['old']:.0f} | {memory['baseline']:.0f} | {memory['spanql']:.0f} |",
                flush=True,
            )


def one() -> None:
    """Compare calls with a single text."""
    print("\nOne text: microseconds a call, median of 5 × 2,000 calls in turn.\n")
    print("| text | old µs | baseline µs | spanql µs | spanql − old µs |")
    print("|---|--:|--:|--:|--:|")
    for script in SCRIPTS:
        for length in (20, *LENGTHS):
            texts = corpus(script, length, length)
            times: dict[str, list[float]] = {name: [] for name in VARIANTS}
            for _ in range(ROUNDS):
                for name, function in VARIANTS.items():
                    start = time.perf_counter()
                    for _ in range(2_000):
                        function(texts)
                    times[name].append((time.perf_counter() - start) / 2_000 * 1e6)
            median = {name: statistics.median(values) for name, values in times.items()}
            print(
                f"| {script} {length:,} | {median['old']:.2f} | {median['baseline']:.2f} | {median['spanql']:.2f} "
                f"| {median['spanql'] - median['old']:+.2f} |",
                flush=True,
            )


def main() -> None:
    """Run all, or one measurement of memory."""
    parser = argparse.ArgumentParser(description="Measures extract_and_aggregate.")
    parser.add_argument("--characters", type=int, default=20_000_000, help="characters a list (default: 20 million)")
    parser.add_argument(
        "--peak", nargs=4, metavar=("VARIANT", "SCRIPT", "LENGTH", "CHARACTERS"), help=argparse.SUPPRESS
    )
    args = parser.parse_args()
    if args.peak:
        variant, script, length, characters = args.peak
        peak_growth(variant, script, int(length), int(characters))
        return
    print(
        f"spanql {version('spanql')}, Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores"
    )
    one()
    many(args.characters)


if __name__ == "__main__":
    main()
