"""The package as a whole: its examples run, its stubs and its runtime agree."""

import ast
import doctest
import inspect
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
import spanql
from spanql import _spanql, errors

PUBLIC = [spanql.connect, spanql.extract_and_aggregate, spanql.ingest, spanql.Session, spanql.Result]
STUB = Path(spanql.__file__).with_name("_spanql.pyi")


@pytest.mark.parametrize("thing", [spanql, *PUBLIC], ids=lambda thing: thing.__name__)
def test_examples_run(thing: object) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    members = [(thing.__name__, thing)] if isinstance(thing, ModuleType) else [(getattr(thing, "__name__", ""), thing)]
    if inspect.isclass(thing):
        members += [(name, member) for name, member in vars(thing).items() if not name.startswith("_")]
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for name, member in members:
        for test in finder.find(member, name, globs={}, module=False):
            assert runner.run(test).failed == 0
    assert runner.tries > 0


def test_everything_public_is_documented() -> None:
    for name in spanql.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(spanql, name)), name
    for owner in (spanql.Session, spanql.Result):
        for name, member in vars(owner).items():
            if not name.startswith("_"):
                assert inspect.getdoc(member), f"{owner.__name__}.{name}"


def test_stubs_agree_with_the_runtime() -> None:
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    runtime = {name for name in vars(_spanql) if not name.startswith("_")}
    assert runtime == {*functions, "Session", "Result"}
    for name, node in functions.items():
        check_signature(name, node, getattr(_spanql, name))
    for owner in (spanql.Session, spanql.Result):
        described = {node.name: node for node in classes[owner.__name__].body if isinstance(node, ast.FunctionDef)}
        own = {name for name in vars(owner) if not name.startswith("__") or name.startswith("__arrow")}
        assert own == set(described)
        for name, node in described.items():
            if callable(member := vars(owner)[name]):
                check_signature(name, node, member)


def check_signature(name: str, node: ast.FunctionDef, runtime: object) -> None:
    assert callable(runtime)
    args = node.args
    described = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    if args.kwarg:
        described.append(args.kwarg.arg)
    assert described == list(inspect.signature(runtime).parameters), name


def test_errors_are_a_tree() -> None:
    for name in spanql.__all__:
        thing = getattr(spanql, name)
        if inspect.isclass(thing) and issubclass(thing, Exception):
            assert issubclass(thing, errors.Error)


def test_versions_agree() -> None:
    assert spanql.__version__ == version("spanql")
