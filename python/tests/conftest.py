"""What several tests need: a small store of their own."""

from pathlib import Path

import pytest
import spanql

POSTS = """\
{"text": "Write to Ann@Example.com or bob@example.org", "ts": "2026-11-20T08:00:00Z", "author": "a"}
{"text": "邮箱：bob@example.org，谢谢 😀", "ts": "2026-11-21T08:00:00Z", "author": "b"}
{"text": "nothing here", "ts": null, "author": null}
{"no text": true}
"""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    posts = folder / "posts.jsonl"
    posts.write_text(POSTS, encoding="utf-8")
    summary = spanql.ingest(posts, folder / "posts.store")
    assert (summary["documents"], summary["quarantined"]) == (3, 1)
    return folder / "posts.store"


@pytest.fixture
def session(store: Path) -> spanql.Session:
    return spanql.connect(store)
