"""Runs contenders in turn and compares what they cost.

Each run is a process of its own, so that its CPU seconds (user + system, of all its threads) and its peak resident
memory are the kernel's own account of it, start-up included. Contenders take turns (A B C A B C …), because shared
machines drift: a ratio is taken within each round, and the median of the rounds is what counts.

This module imports nothing heavy: the kernel counts the parent's memory at the fork as the child's own.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Contender:
    """A command to measure. `before` runs before each turn, unmeasured: to remove the last turn's output."""

    name: str
    command: Sequence[str | Path]
    before: Callable[[], None] | None = None


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds, seconds, bytes."""

    cpu: float
    wall: float
    rss: int


@dataclass
class Costs:
    """One contender's turns."""

    runs: list[Cost] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        return median(run.cpu for run in self.runs)

    @property
    def wall(self) -> float:
        return median(run.wall for run in self.runs)

    @property
    def rss(self) -> int:
        return max(run.rss for run in self.runs)


def run_once(contender: Contender) -> Cost:
    """Runs a contender; where it fails, so does the bench, with its words."""
    if contender.before:
        contender.before()
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        child = subprocess.Popen(contender.command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))
            sys.exit(f"{contender.name} failed with exit code {child.returncode}: {child.args}")
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * unit)


def run_in_turn(contenders: Sequence[Contender], rounds: int) -> dict[str, Costs]:
    """Costs by contender's name, in the contenders' order."""
    costs = {contender.name: Costs() for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            note(f"round {number + 1} of {rounds}: {contender.name}")
            costs[contender.name].runs.append(run_once(contender))
    note("")
    return costs


def ratios(costs: Costs, baseline: Costs) -> list[float]:
    """How many times the baseline's CPU seconds, round by round."""
    return [mine.cpu / theirs.cpu for mine, theirs in zip(costs.runs, baseline.runs, strict=True)]


def show(costs: dict[str, Costs], baseline: str, size: int | None = None) -> None:
    """A table: medians, the ratio to `baseline` (median, lowest, highest of the rounds), the highest memory.

    `size` in bytes adds megabytes per CPU second.
    """
    speed = "  MB/CPU s" if size else ""
    width = max(map(len, costs))
    print(f"{'':{width}}    CPU s   wall s  × CPU of {baseline} (low–high)   peak MB{speed}")
    for name, cost in costs.items():
        all_ratios = ratios(cost, costs[baseline])
        ratio = f"{median(all_ratios):6.2f}  ({min(all_ratios):.2f}–{max(all_ratios):.2f})"
        speed = f"{size / 1e6 / cost.cpu:10.0f}" if size else ""
        row = f"{name:{width}} {cost.cpu:8.2f} {cost.wall:8.2f}  {ratio:<{22 + len(baseline)}} {cost.rss / 1e6:9.0f}"
        print(row + speed, flush=True)


def note(text: str) -> None:
    """Progress, where a person is looking."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def title(question: str) -> None:
    """What was asked, and of whom: versions and machine."""
    print(f"\n{question}\n{'=' * len(question)}")


def machine(spanql: Path, packages: Sequence[str]) -> None:
    """Prints the versions and the machine that the numbers belong to."""
    versions = [output(spanql, "--version")]
    for package in packages:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            sys.exit(f"{package} is not installed: run `make bench`, or install benches/requirements.txt")
    print(" · ".join([*versions, f"Python {platform.python_version()}"]))
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")


def output(*command: str | Path) -> str:
    """What an unmeasured command prints; where it fails, so does the bench."""
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"failed with exit code {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout.strip()


def remove(path: Path) -> None:
    """Removes a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def first_tenth(jsonl: Path, out: Path) -> Path:
    """The first tenth of a file's bytes, in whole lines: the smaller text that shows whether memory grows."""
    left = jsonl.stat().st_size // 10
    with jsonl.open("rb") as source, out.open("wb") as target:
        for line in source:
            target.write(line)
            left -= len(line)
            if left <= 0:
                break
    return out
