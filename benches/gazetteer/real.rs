//! Real names, where they lie beside the repository: places of the world and of China, historical persons, companies.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// Files, and which of their tab-separated fields hold names, several of them with commas between.
const FILES: [(&str, &[usize]); 4] = [
    ("geonames_cities15000_en_zh.tsv.gz", &[1, 4]),
    ("thuocl_diming.txt.gz", &[0]),
    ("thuocl_lishimingren.txt.gz", &[0]),
    ("zh_company_short_names.txt.gz", &[0]),
];

/// All of them, one a line; nothing where a file is absent.
pub(super) fn list() -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gazetteers");
    let mut names = BTreeSet::new();
    for (file, columns) in FILES {
        let lines =
            BufReader::new(MultiGzDecoder::new(File::open(folder.join(file)).ok()?)).lines();
        for line in lines {
            let line = line.expect("a list in UTF-8");
            let fields: Vec<&str> = line.split('\t').collect();
            let cells = columns.iter().filter_map(|&column| fields.get(column));
            names.extend(
                cells
                    .flat_map(|cell| cell.split(','))
                    .map(|name| name.trim().to_string()),
            );
        }
    }
    let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    Some(names.join("\n"))
}
