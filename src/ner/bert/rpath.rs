//! The package's build script: where a binary with the feature `rust-bert` finds libtorch when it runs. That is where it was
//! linked from; `LD_LIBRARY_PATH` names another place.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/ner/bert/rpath.rs");
    if env::var_os("CARGO_FEATURE_RUST_BERT").is_none() {
        return;
    }
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    if let (Ok(folder), Some(_)) = (env::var("LIBTORCH"), env::var_os("CARGO_CFG_UNIX")) {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}/lib");
    }
}
