//! SQL over the entities in raw text.
//!
//! Raw text becomes Parquet ([`ingest`]), entities are found in it by recognizers ([`recognize`]) that SQL reaches
//! as functions ([`functions`]) and tables ([`tables`]), and results leave as JSON, CSV, Parquet or Arrow
//! ([`output`], [`report`]). [`Session`] is the engine that ties them together.

pub mod care;
pub mod cli;
pub mod config;
pub mod duplicates;
pub mod error;
pub mod functions;
pub mod ingest;
pub mod inspect;
pub mod keep;
pub mod ner;
pub mod output;
pub mod plan;
pub mod recognize;
pub mod report;
pub mod session;
pub mod store;
pub mod tables;

pub use config::Config;
pub use error::{Error, Result};
pub use session::{Query, Session, SessionOptions};
pub use store::Store;
