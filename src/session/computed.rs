//! The entities of one file of documents, computed anew and sorted: what is kept.

use std::path::Path;
use std::sync::Arc;

use datafusion::logical_expr::{col, lit};

use super::{Query, Session};
use crate::error::Result;
use crate::store::Committed;
use crate::tables::{EntitiesTable, Kept, documents_table, label_value};

impl Session {
    /// The entities of these labels, at least one, in the documents of one file of the store, by label and value, so that a
    /// question about one value reads one place; the order is total.
    pub(crate) fn computed(&self, documents: &Path, labels: &[String]) -> Result<Query> {
        let files = Committed {
            documents: vec![documents.to_path_buf()],
            ..Committed::default()
        };
        let table = documents_table(&files)?;
        let models = Arc::clone(&self.models);
        let entities = EntitiesTable::new(table, files.documents, models, Kept::default());
        let labels = labels.iter().map(|label| lit(label_value(label)));
        let order = ["label", "value", "doc_id", "span_start", "span_end"];
        let frame = self
            .ctx
            .read_table(Arc::new(entities))?
            .filter(col("label").in_list(labels.collect(), false))?
            .sort(order.map(|name| col(name).sort(true, true)).to_vec())?;
        Ok(Query {
            frame,
            fingerprint: self.fingerprint.clone(),
            models: String::new(),
            reading: None,
            store: None,
            timeout: None,
        })
    }
}
