//! What a query gives, for comparisons: a line a row, in a fixed order.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ParamValues;
use futures::TryStreamExt;
use spanql::Session;

pub async fn rows(session: &Session, query: &str) -> Vec<String> {
    let query = session
        .sql(query, ParamValues::Map(Default::default()))
        .await
        .unwrap();
    let batches: Vec<_> = query.stream().await.unwrap().try_collect().await.unwrap();
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let cells = columns.iter().map(|column| column.value(row).to_string());
            cells.collect::<Vec<_>>().join("|")
        }));
    }
    rows.sort();
    rows
}
