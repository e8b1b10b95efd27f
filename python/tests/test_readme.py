"""The Python of the pages runs, and gives what stands there."""

import doctest
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["README.md", "README.zh.md", "python/docs/interop.md"])
def test_readme(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert blocks, f"{page} shows no Python"
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "data").symlink_to(REPOSITORY / "tests" / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    examples = 0
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        test = doctest.DocTestParser().get_doctest(block[1], names, page, str(REPOSITORY / page), line)
        words: list[str] = []
        result = doctest.DocTestRunner().run(test, out=words.append, clear_globs=False)
        assert not result.failed, "".join(words)
        examples += result.attempted
        names = test.globs
    assert examples >= 7
