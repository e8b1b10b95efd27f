//! The embedded engine: the only place that builds a `SessionContext`.
//!
//! Owns the memory limit, the number of partitions, and which tables and functions a query sees. Reading and writing
//! files, and the runtime that drives the futures, belong to the callers.

mod apart;
mod bound;
mod column;
mod computed;
mod damage;
mod given;
mod mapped_files;
mod memory;
mod redact_key;
mod watch;

use std::future::Future as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::ParamValues;
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionConfig;
use futures::{Stream, StreamExt, stream};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::functions;
use crate::functions::run::Run;
use crate::ner::{Cancel, Catalog, Models};
use crate::plan::{
    ByDocument, CompactViews, JoinRule, OneScanRule, Planner, Settings, ShareScans,
    SinglePrecision, SizedBatches, Unmistakable, ViewKeys, compact_batch, show_functions,
};
use crate::recognize::Registry;
use crate::store::{Committed, Reading, Store};
use crate::tables;
use apart::run_apart;

pub use column::ColumnFunction;
pub use given::GivenTables;
use mapped_files::MappedFiles;
pub use redact_key::REDACT_KEY_VARIABLE;
pub use watch::Watch;

/// Rows of a batch. Rows are documents here: DataFusion's 8,192 of a kilobyte each outgrow the caches and keep pages
/// alive; 2,048 cost no more CPU and a tenth less memory (measured with `make bench-email-domains`).
const BATCH_ROWS: usize = 2048;

/// DataFusion's rule that hands dynamic filters down.
const DYNAMIC_FILTERS: &str = "FilterPushdown(Post)";

/// What a model may remember of texts: at most this share of the memory limit.
const CACHE_SHARE: usize = 16;

/// The key of the metadata under which a result carries the fingerprint of the registry that it was made with:
/// in Arrow schemas, and in the footers of Parquet files.
pub const REGISTRY_METADATA: &str = "spanql.registry";

/// The key of the metadata under which a result carries the models that only calls of `ner` name, as `name fingerprint`,
/// comma separated; it is left out where there are none. Configured models are part of the registry's fingerprint.
pub const MODELS_METADATA: &str = "spanql.models";

/// How to open a [`Session`]. What is left out comes from `spanql.toml`, then from the machine.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// The store whose `documents`, `quarantine`, `entities` and `duplicates` queries see.
    pub store: Option<PathBuf>,
    /// The configuration file; `spanql.toml` in the working directory where none is named.
    pub config: Option<PathBuf>,
    /// The configuration itself, in place of a file.
    pub configuration: Option<Config>,
    /// The engine's memory limit in bytes; half of what the machine or its cgroup has by default.
    pub memory: Option<usize>,
    /// Partitions that a query runs on; one a core by default.
    pub threads: Option<usize>,
    /// How long a query may run, from [`Query::stream`] on; as long as it takes by default.
    pub timeout: Option<Duration>,
    /// Models of one's own, beside those that come with SpanQL: `spanql.toml` and `ner` may name them.
    pub models: Catalog,
}

impl SessionOptions {
    /// The store that a session would have, without building one.
    ///
    /// # Errors
    /// As [`Config::load`] and [`Store::open`].
    pub fn open_store(&self) -> Result<Option<Store>> {
        let folder = match &self.store {
            Some(folder) => Some(folder.clone()),
            None => self.configuration()?.store,
        };
        folder.map(Store::open).transpose()
    }

    fn configuration(&self) -> Result<Config> {
        match &self.configuration {
            Some(given) => Ok(given.clone()),
            None => Config::load_with(self.config.as_deref(), &self.models),
        }
    }
}

/// What to say where a store is needed and none is named.
pub(crate) fn no_store() -> Error {
    Error::Usage("no store: give --store DIR, or `store` in spanql.toml".into())
}

/// A configured engine. Cheap to share behind an `Arc`; queries of several threads run side by side.
///
/// ```
/// use datafusion::common::ParamValues;
/// use futures::StreamExt;
/// use spanql::{Session, SessionOptions};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let session = Session::open(SessionOptions::default()).await?;
/// let query = session
///     .sql("SELECT entity_values('Write to Ann@Example.com.', 'EMAIL') AS mails", ParamValues::Map(Default::default()))
///     .await?;
/// let batch = query.stream().await?.next().await.expect("one batch")?;
/// assert_eq!(batch.num_rows(), 1);
/// # Ok::<(), spanql::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    ctx: SessionContext,
    models: Arc<Models>,
    /// The registry's.
    fingerprint: String,
    store: Option<Store>,
    timeout: Option<Duration>,
    /// The files behind the store's tables when they were last registered.
    seen: Mutex<Option<Committed>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("models", &self.models)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Builds the engine.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Pattern`] for a bad configuration, [`Error::MissingStore`] where the store named
    /// is none.
    pub async fn open(options: SessionOptions) -> Result<Self> {
        let config = options.configuration()?;
        let key = redact_key::redact_key(config.redact_key_file.as_deref());
        let limit = options
            .memory
            .or(config.memory)
            .unwrap_or_else(memory::default_limit);
        let models = Arc::new(config.models(Models::CACHE_BYTES.min(limit / CACHE_SHARE))?);
        let store = options
            .store
            .or(config.store)
            .map(Store::open)
            .transpose()?;
        let threads = options
            .threads
            .unwrap_or_else(|| {
                std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
            })
            .max(1);

        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(memory::pool(limit, threads))
            .build_arc()?;
        let mut settings = SessionConfig::new()
            .with_target_partitions(threads)
            .with_batch_size(BATCH_ROWS)
            .with_information_schema(true)
            .with_option_extension(Settings::default());
        // Stores are split into row groups of some megabytes: even a small file is worth two partitions.
        settings.options_mut().optimizer.repartition_file_min_size = 1 << 20;
        // DataFusion 55's newer aggregates fail at the memory limit where they should emit early or spill.
        settings.options_mut().execution.enable_migration_aggregate = false;
        // Of each sort and partition, whatever it sorts: DataFusion's 10 MB are half of a small limit.
        settings
            .options_mut()
            .execution
            .sort_spill_reservation_bytes = 2 << 20;
        // A file for each batch that a repartition spills: DataFusion 55's reader waits for ever at the end of a file that is
        // being written while the batch that it needs is in another (its issue 24883).
        settings.options_mut().execution.max_spill_file_size_bytes =
            ConfigNonZeroUsize::try_new(1)?;
        // Values are mostly rare. Where three in ten are new, each partition would gather nearly all of them before the groups
        // are made, and hold them twice.
        settings
            .options_mut()
            .execution
            .skip_partial_aggregation_probe_ratio_threshold = 0.3;
        // So that an error can say where in the statement it is.
        settings.options_mut().sql_parser.collect_spans = true;
        let mut physical_rules = PhysicalOptimizer::new().rules;
        let last = physical_rules
            .iter()
            .rposition(|rule| rule.name() == DYNAMIC_FILTERS);
        let last = last.unwrap_or(physical_rules.len());
        physical_rules.insert(last, Arc::new(Unmistakable));
        physical_rules.insert(0, Arc::new(ByDocument));
        let state = SessionStateBuilder::new()
            .with_config(settings)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rules(physical_rules)
            .with_query_planner(Arc::new(Planner))
            .with_analyzer_rule(Arc::new(tables::KnownLabels))
            .with_analyzer_rule(Arc::new(SinglePrecision))
            .with_optimizer_rule(Arc::new(tables::EntitiesRule))
            .with_optimizer_rule(Arc::new(JoinRule))
            .with_optimizer_rule(Arc::new(OneScanRule))
            .with_optimizer_rule(Arc::new(ViewKeys))
            .with_physical_optimizer_rule(Arc::new(SizedBatches))
            .with_physical_optimizer_rule(Arc::new(CompactViews))
            .with_physical_optimizer_rule(Arc::new(ShareScans))
            .build();
        let ctx = SessionContext::new_with_state(state).enable_url_table();
        if let Some(store) = &store {
            let folder = std::path::absolute(store.root()).map_err(Error::io(store.root()))?;
            let files = url::Url::parse("file://").expect("a URL");
            ctx.register_object_store(&files, Arc::new(MappedFiles::below(folder)));
        }
        functions::register_all(&ctx, &models, &options.models, key);
        let session = Self {
            ctx,
            fingerprint: models.registry().fingerprint(),
            models,
            store,
            timeout: options.timeout,
            seen: Mutex::new(None),
        };
        let reading = session.store.as_ref().map(Store::reading).transpose()?;
        session.refresh()?;
        drop(reading);
        Ok(session)
    }

    /// The recognizers that queries use.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        self.models.registry()
    }

    /// The recognizers with the models behind them.
    #[must_use]
    pub fn models(&self) -> &Arc<Models> {
        &self.models
    }

    /// The store, if the session has one.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Partitions that a query runs on.
    pub(crate) fn threads(&self) -> usize {
        self.ctx.state().config().target_partitions()
    }

    /// What keeps queries within the memory limit.
    pub(crate) fn memory_pool(&self) -> Arc<dyn MemoryPool> {
        Arc::clone(&self.ctx.runtime_env().memory_pool)
    }

    /// Makes `table` known under `name`, in place of an earlier one.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that the store's own tables have.
    pub fn register(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
        let known = datafusion::common::TableReference::from(name);
        if tables::NAMES.contains(&known.table()) && self.store.is_some() {
            return Err(Error::Usage(format!(
                "{name} is a table of the store: register under another name"
            )));
        }
        self.ctx.deregister_table(name)?;
        self.ctx.register_table(name, table)?;
        Ok(())
    }

    /// Makes files known under `name`: Parquet, CSV, TSV or JSON lines, one path or a glob. They are read anew by each
    /// query; the files are those that there are now.
    ///
    /// # Errors
    /// As [`Session::register`]; [`Error::Io`] where there is no such file or one cannot be read, [`Error::Usage`] where
    /// they are of another format or of several.
    pub async fn register_files(&self, name: &str, pattern: &str) -> Result<()> {
        let table = tables::files::table(&self.ctx.state(), pattern).await?;
        self.register(name, table)
    }

    /// Plans one statement and binds its parameters (`$1`, `$name`). `CREATE VIEW` and the like take effect at once.
    ///
    /// # Errors
    /// [`Error::Query`] where the statement does not parse or plan, [`Error::UnknownLabel`] and [`Error::Pattern`] for
    /// labels and patterns in it, [`Error::Usage`] for statements that write (`COPY`, `INSERT`): results are written by
    /// [`crate::output`], which never leaves half a file.
    pub async fn sql(&self, query: &str, params: ParamValues) -> Result<Query> {
        self.sql_over(query, params, GivenTables::new()).await
    }

    /// What to say of a statement over a store's table where there is no store.
    fn lacks_store(&self, query: &str) -> Option<Error> {
        if self.store.is_some() {
            return None;
        }
        let unknown = self.unknown_tables(query).ok()?;
        let table = unknown
            .iter()
            .find(|table| tables::NAMES.contains(&table.as_str()))?;
        let words = format!(
            "{table} is a table of a store, and there is none: give one (--store DIR; connect(DIR) in Python; `store` in spanql.toml)"
        );
        Some(Error::Query(DataFusionError::External(words.into())))
    }

    /// As [`Session::sql`], over tables of the caller's too: the statement finds them where the session has none of
    /// that name ([`Session::unknown_tables`]), and nobody else sees them.
    ///
    /// # Errors
    /// As [`Session::sql`].
    pub async fn sql_over(
        &self,
        query: &str,
        params: ParamValues,
        tables: GivenTables,
    ) -> Result<Query> {
        let reading = self.store.as_ref().map(Store::reading).transpose()?;
        self.refresh()?;
        let mut state = self.ctx.state();
        given::give(&mut state, tables);
        let plan = match state.create_logical_plan(query).await {
            Ok(plan) => plan,
            Err(error) => return Err(self.lacks_store(query).unwrap_or_else(|| error.into())),
        };
        if matches!(
            plan,
            datafusion::logical_expr::LogicalPlan::Copy(_)
                | datafusion::logical_expr::LogicalPlan::Dml(_)
        ) {
            return Err(Error::Usage(
                "COPY, INSERT, UPDATE and DELETE are not run: SELECT, and write the result to a file (-o, or write() in Python)".into(),
            ));
        }
        let options = SQLOptions::new().with_allow_dml(false);
        options.verify_plan(&plan)?;
        let frame = self
            .ctx
            .execute_logical_plan(plan)
            .await?
            .with_param_values(params)?;
        let models = functions::unregistered_models(frame.logical_plan())?;
        let models: Vec<String> = models
            .iter()
            .map(|(name, fingerprint)| format!("{name} {fingerprint}"))
            .collect();
        Ok(Query {
            frame,
            fingerprint: self.fingerprint.clone(),
            models: models.join(", "),
            reading: reading.map(Arc::new),
            store: self.store.clone(),
            timeout: self.timeout,
        })
    }

    /// Registers the store's tables anew if its files have changed, or if a statement dropped one.
    fn refresh(&self) -> Result<()> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let now = store.committed()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = tables::NAMES
            .iter()
            .all(|name| self.ctx.table_exist(*name).unwrap_or(false));
        if !whole || seen.as_ref() != Some(&now) {
            tables::register_store(&self.ctx, &now, &self.models)?;
            *seen = Some(now);
        }
        Ok(())
    }
}

/// A planned statement, which can be run more than once.
#[derive(Debug, Clone)]
pub struct Query {
    frame: DataFrame,
    fingerprint: String,
    /// What stands under [`MODELS_METADATA`].
    models: String,
    /// Keeps the files that it was planned on.
    reading: Option<Arc<Reading>>,
    /// For saying which of its files is damaged, where it fails.
    store: Option<Store>,
    timeout: Option<Duration>,
}

impl Query {
    /// The columns of the result, with the registry's fingerprint under [`REGISTRY_METADATA`], and
    /// [`MODELS_METADATA`].
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.marked(self.frame.schema().inner())
    }

    /// Starts the query and gives its batches as they come; dropping the stream stops it, scans in the midst of a text,
    /// models at their next batch.
    /// Views are compacted, so that keeping a batch keeps its own bytes only. The schema of the stream is
    /// [`Query::schema`]'s, with the metadata. It is to be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Query`] where the plan cannot be made physical, for instance because a parameter is not bound; errors
    /// while running come through the stream, [`Error::Timeout`] where [`SessionOptions::timeout`] has passed.
    pub async fn stream(&self) -> Result<SendableRecordBatchStream> {
        Ok(self.watched().await?.0)
    }

    /// As [`Query::stream`], with a look at how far it is.
    ///
    /// # Errors
    /// As [`Query::stream`].
    pub async fn watched(&self) -> Result<(SendableRecordBatchStream, Watch)> {
        let (mut state, plan) = self.frame.clone().into_parts();
        let deadline = self
            .timeout
            .and_then(|limit| Instant::now().checked_add(limit));
        let run = Run::until(deadline.map_or_else(Cancel::default, Cancel::at));
        let wanted = (Wanted(run.cancel().clone()), self.reading.clone());
        state
            .config_mut()
            .options_mut()
            .extensions
            .insert(run.clone());
        let options = Arc::clone(state.config_options());
        state.execution_props_mut().config_options = Some(options);
        let plan = match state.create_physical_plan(&plan).await {
            Ok(plan) => plan,
            Err(error) => {
                let store = self.store.clone();
                let committed = move || store.and_then(|store| store.committed().ok());
                let kept = move || committed().map_or_else(Vec::new, |files| files.entities);
                return Err(damage::named(error, kept, run.cancel().clone())
                    .await
                    .into());
            }
        };
        let plan = show_functions(plan, &run)?;
        let watch = Watch::new(&plan);
        let kept = self.store.as_ref();
        let kept: Arc<[_]> = kept
            .map_or_else(Vec::new, |store| damage::kept_in(&plan, store))
            .into();
        let batches = run_apart(plan, Arc::new(TaskContext::from(&state)))?;
        let schema = self.marked(&batches.schema());
        let cancel = run.cancel().clone();
        let compacted = batches.then(move |batch| {
            let _ = &wanted;
            let (kept, cancel) = (Arc::clone(&kept), cancel.clone());
            async move {
                match batch {
                    Ok(batch) => Ok(compact_batch(&batch)),
                    Err(error) => Err(damage::named(error, move || kept.to_vec(), cancel).await),
                }
            }
        });
        let compacted = compacted.boxed();
        let stream: SendableRecordBatchStream = match self.timeout.zip(deadline) {
            Some((limit, deadline)) => {
                let in_time = in_time(compacted, run.cancel().clone(), deadline, limit);
                Box::pin(RecordBatchStreamAdapter::new(schema, in_time))
            }
            None => Box::pin(RecordBatchStreamAdapter::new(schema, compacted)),
        };
        Ok((stream, watch))
    }

    /// The plan in words, as `EXPLAIN` gives it; with `analyze` the query runs, and what it took stands there too. It is
    /// to be called within a tokio runtime.
    ///
    /// # Errors
    /// As [`Query::stream`].
    pub async fn explain(&self, analyze: bool) -> Result<String> {
        let explained = Self {
            frame: self.frame.clone().explain(false, analyze)?,
            ..self.clone()
        };
        let mut rows = explained.stream().await?;
        let mut words = String::new();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let [types, plans] = [0, 1].map(|at| batch.column(at).as_string::<i32>().clone());
            for (plan_type, plan) in types.iter().zip(&plans) {
                let [plan_type, plan] = [plan_type, plan].map(Option::unwrap_or_default);
                words.push_str(&format!("{plan_type}:\n{}\n", plan.trim_end()));
            }
        }
        Ok(words)
    }

    fn marked(&self, schema: &SchemaRef) -> SchemaRef {
        let mut marked = schema.as_ref().clone();
        let mut mark = |key: &str, value: &str| {
            let (key, value) = (key.to_string(), value.to_string());
            marked.metadata.insert(key, value);
        };
        mark(REGISTRY_METADATA, &self.fingerprint);
        if !self.models.is_empty() {
            mark(MODELS_METADATA, &self.models);
        }
        Arc::new(marked)
    }
}

/// The batches that come before the deadline; at it, an error that says so, and the end.
fn in_time(
    mut batches: impl Stream<Item = datafusion::error::Result<RecordBatch>> + Unpin,
    cancel: Cancel,
    deadline: Instant,
    limit: Duration,
) -> impl Stream<Item = datafusion::error::Result<RecordBatch>> {
    let mut alarm = Box::pin(tokio::time::sleep_until(deadline.into()));
    let mut ended = false;
    stream::poll_fn(move |cx| {
        if ended {
            return Poll::Ready(None);
        }
        // A scan that stops by itself at the deadline may be heard of before the alarm.
        let batch = match alarm.as_mut().poll(cx) {
            Poll::Ready(()) => None,
            Poll::Pending => Some(ready!(batches.poll_next_unpin(cx))),
        };
        match batch {
            None => cancel.cancel(),
            Some(Some(Err(_))) if cancel.is_late() => {}
            Some(batch) => return Poll::Ready(batch),
        }
        ended = true;
        Poll::Ready(Some(Err(Error::Timeout { limit }.into())))
    })
}

/// Says, when it is dropped, that a run is no longer wanted.
struct Wanted(Cancel);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
