//! The straightforward extension that `extract_and_aggregate` is measured against: `Vec<String>` in, the expression
//! on the lower-cased text with rayon, dictionaries out. (It refuses lone surrogates, as `String` does.)

use std::sync::LazyLock;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::prelude::*;
use regex::Regex;

static EMAIL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[a-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+").expect("a constant"));

#[pyfunction]
fn extract_and_aggregate<'py>(
    py: Python<'py>,
    texts: Vec<String>,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let found: Vec<Vec<String>> = py.detach(|| {
        texts
            .par_iter()
            .map(|text| {
                EMAIL
                    .find_iter(&text.to_lowercase())
                    .map(|found| found.as_str().to_string())
                    .collect()
            })
            .collect()
    });
    found
        .into_iter()
        .map(|emails| {
            let answer = PyDict::new(py);
            answer.set_item("emails", emails)?;
            Ok(answer)
        })
        .collect()
}

#[pymodule]
mod spanql_bench_baseline {
    #[pymodule_export]
    use super::extract_and_aggregate;
}
