#!/usr/bin/env bash
# `make demo`: real text → store → reports. Every command of spanql that it runs is printed first, so that it can be
# typed again. Needs the release binary ($SPANQL) and a Python ($PYTHON); all files stay in .demo/ ($DEMO_FOLDER).
set -euo pipefail
cd "$(dirname "$0")/../.."

spanql=${SPANQL:-target/release/spanql}
spanql=${spanql#"$PWD/"}
python=${PYTHON:-python3}
work=${DEMO_FOLDER:-.demo}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

# Runs spanql visibly. Exit code 3 means done, with some records quarantined: the summary has said how many.
run() {
    printf '$ %s %s\n' "$spanql" "$*"
    local code=0
    "$spanql" "$@" || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || exit "$code"
}

# report NAME [OPTIONS…]: writes the whole result and shows its first rows.
report() {
    run report "$@" --store "$store" --output "$work/reports"
    "$python" - "$work/reports/$1.json" <<'PY'
import json, sys
rows = json.load(open(sys.argv[1], encoding="utf-8"))
for row in rows[:5]:
    print(json.dumps(row, ensure_ascii=False))
if len(rows) > 5:
    print(f"… {len(rows) - 5} more rows in {sys.argv[1]}")
PY
}

say "1. Text"
code=0
"$python" tests/demo/fetch.py "$work" || code=$?
case $code in
0)
    store=$work/store
    echo "63,326 health tweets, 3,824 news articles, 35,124 Chinese reviews in $work/text"
    say "2. Ingest: text becomes Parquet (what is there already is skipped)"
    run ingest "$work/text/healthtweets.csv" --store "$store" --text text
    run ingest "$work/text/NewsArticles.csv" --store "$store" --text text --time publish_date
    run ingest "$work/text/reviews_pos.txt" "$work/text/reviews_neg.txt" --store "$store" --document line
    ;;
4)
    store=$work/store-offline
    echo "No network: the demo goes on with the small texts of tests/data."
    say "2. Ingest: text becomes Parquet (what is there already is skipped)"
    run ingest tests/data --store "$store"
    ;;
*) exit "$code" ;;
esac

say "3. Reports: SQL over the entities, as JSON"
report top_domains --param top=5
echo
report top_hashtags --param top=5
echo
report entities_by_day

say "Where things are"
cat <<EOF
$store/documents   the documents, as Parquet
$store/quarantine  records that could not be read, and why
$work/reports            the reports, whole
queries/              the reports' SQL

Next:
$spanql sql "SELECT label, count(*) AS n FROM entities GROUP BY 1 ORDER BY 2 DESC" --store $store
$spanql report
EOF
