"""The package as a whole: its examples run, its stubs and its runtime agree."""

import doctest
import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
import spanql
from spanql import _progress, errors

PUBLIC = [
    spanql.Result,
    spanql.Session,
    spanql.connect,
    spanql.extract_and_aggregate,
    spanql.extract_entities,
    spanql.ingest,
    spanql.ner,
    spanql.redact,
    spanql.shadow,
    spanql.show,
    spanql.udf,
    spanql.udf.entity_values,
    spanql.udf.extract_entities,
    spanql.udf.ner,
    spanql.udf.redact,
]


@pytest.mark.parametrize("thing", [spanql, _progress.line, *PUBLIC], ids=lambda thing: thing.__name__)
def test_examples_run(thing: object) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    members = [(thing.__name__, thing)] if isinstance(thing, ModuleType) else [(getattr(thing, "__name__", ""), thing)]
    if inspect.isclass(thing):
        members += [(name, member) for name, member in vars(thing).items() if not name.startswith("_")]
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for name, member in members:
        for test in finder.find(member, name, globs={"line": _progress.line}, module=False):
            assert runner.run(test).failed == 0
    assert runner.tries > 0


def test_everything_public_is_documented() -> None:
    for name in spanql.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(spanql, name)), name
    for owner in (spanql.Session, spanql.Result, spanql.Shadow, spanql.udf.ScalarFunction):
        for name, member in vars(owner).items():
            if not name.startswith("_"):
                assert inspect.getdoc(member), f"{owner.__name__}.{name}"


def test_stubs_agree_with_the_runtime(tmp_path: Path) -> None:
    # From elsewhere, so that it is the installed package that is looked at.
    tests = Path(__file__).resolve().parent
    command = [sys.executable, "-m", "mypy.stubtest", "spanql", "--concise", "--allowlist", str(tests / "stubtest.txt")]
    command += ["--mypy-config-file", str(tests.parent / "pyproject.toml")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_is_light() -> None:
    # Nobody pays for what he does not use: not in time, and not where it is not installed.
    script = "import sys, spanql; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    words = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True).stdout
    assert not {"pyarrow", "pandas", "polars", "numpy", "IPython", "asyncio"} & set(words.split())


def test_errors_are_a_tree() -> None:
    for name in spanql.__all__:
        thing = getattr(spanql, name)
        if inspect.isclass(thing) and issubclass(thing, Exception):
            assert issubclass(thing, errors.Error)


def test_versions_agree() -> None:
    assert spanql.__version__ == version("spanql")
