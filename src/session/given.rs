//! Tables that come with one statement: seen by it alone, where the session has none of that name.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::Session;
use crate::error::Result;

/// Tables by name, in SQL's spelling: lower case, unless the statement quotes it.
pub type GivenTables = BTreeMap<String, Arc<dyn TableProvider>>;

impl Session {
    /// The names that a statement uses as tables and that no table has, without those that are qualified. Some may be
    /// files. It is for a caller who has tables to give.
    ///
    /// # Errors
    /// [`crate::Error::Query`] where the statement does not parse.
    pub fn unknown_tables(&self, query: &str) -> Result<Vec<String>> {
        let _reading = self
            .store
            .as_ref()
            .map(|store| store.reading())
            .transpose()?;
        self.refresh()?;
        let state = self.ctx.state();
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(query, &dialect)?;
        let mut unknown = Vec::new();
        for name in state.resolve_table_references(&statement)? {
            if let TableReference::Bare { table } = &name
                && !self.ctx.table_exist(name.clone())?
            {
                unknown.push(table.to_string());
            }
        }
        Ok(unknown)
    }

    /// The parameters of a statement as it writes them, `$1` or `$name`, each once, in order; not what looks like one in
    /// a string or a comment. It is for a caller who has values to give.
    ///
    /// ```
    /// let placeholders = spanql::Session::placeholders("SELECT $2, $name, '$no' -- $no")?;
    /// assert_eq!(placeholders, ["$2", "$name"]);
    /// # Ok::<(), spanql::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::Query`] where the statement has no tokens, as with a string that does not end.
    pub fn placeholders(query: &str) -> Result<Vec<String>> {
        let tokens = Tokenizer::new(&GenericDialect {}, query).tokenize();
        let tokens = tokens.map_err(|error| DataFusionError::from(ParserError::from(error)))?;
        let mut placeholders = Vec::new();
        for token in tokens {
            if let Token::Placeholder(placeholder) = token
                && !placeholders.contains(&placeholder)
            {
                placeholders.push(placeholder);
            }
        }
        Ok(placeholders)
    }
}

/// Lets planning with `state` find the tables.
pub(super) fn give(state: &mut SessionState, tables: GivenTables) {
    if !tables.is_empty() {
        // DataFusion's own way to find what is not registered: it asks with the name, which need not be a file's.
        let found =
            DynamicFileCatalog::new(Arc::clone(state.catalog_list()), Arc::new(ByName(tables)));
        state.register_catalog_list(Arc::new(found));
    }
}

#[derive(Debug)]
struct ByName(GivenTables);

#[async_trait]
impl UrlTableFactory for ByName {
    async fn try_new(
        &self,
        name: &str,
    ) -> datafusion::error::Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.get(name).cloned())
    }
}
