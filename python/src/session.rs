//! `connect` and `Session`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use spanql::SessionOptions;
use spanql::report::Report;
use spanql::session::GivenTables;

use crate::error::{to_py, usage};
use crate::ingest::{Paths, ingest, option, size};
use crate::result::Result;
use crate::threads::Home;
use crate::wait::wait;
use crate::{params, register, variables};

/// Opens a session: the engine, with the tables of a store if there is one.
///
/// Parameters
/// ----------
/// store : str or os.PathLike, optional
///     The folder that ``spanql ingest`` or :meth:`Session.ingest` wrote. Without it, the store that the configuration
///     names, else none: queries then see registered tables only.
/// config : str or os.PathLike, optional
///     A ``spanql.toml`` with recognizers of your own. Without it, the one in the working directory, if there is one.
/// memory_limit : int or str, optional
///     What queries may use, in bytes, above 0, or as ``"2GB"``. Without it, the configuration's, else a share of the machine's.
/// variables : bool
///     Whether a query may name Python variables that hold Arrow data, as if they were tables.
/// progress : bool, optional
///     Whether long queries and ingests show a bar. Without it, where a person is looking: in a notebook, or on a
///     terminal.
///
/// Returns
/// -------
/// Session
///
/// Raises
/// ------
/// StoreError
///     If there is no store at `store`.
/// UsageError
///     If `store` is an empty path, or `memory_limit` is no size.
/// ConfigError
///     If the configuration has an unknown key or a bad pattern; the message names file and line.
///
/// Examples
/// --------
/// >>> import spanql
/// >>> session = spanql.connect()
/// >>> session.sql("SELECT entity_values('mail bob@example.com', 'EMAIL') AS emails").to_arrow().to_pylist()
/// [{'emails': ['bob@example.com']}]
#[pyfunction]
#[pyo3(signature = (store = None, config = None, memory_limit = None, *, variables = true, progress = None))]
pub fn connect(
    py: Python<'_>,
    store: Option<PathBuf>,
    config: Option<PathBuf>,
    memory_limit: Option<Bound<'_, PyAny>>,
    variables: bool,
    progress: Option<bool>,
) -> PyResult<Session> {
    if store.as_ref().is_some_and(|s| s.as_os_str().is_empty()) {
        return Err(usage(
            "store is an empty path: give the folder of a store, or None".to_string(),
        ));
    }
    let memory = memory_limit.map(|limit| option("memory_limit", size(&limit)));
    let memory = memory.transpose()?;
    let options = SessionOptions {
        store,
        config,
        memory,
        threads: None,
        ..SessionOptions::default()
    };
    let engine = wait(py, spanql::Session::open(options))?;
    Ok(Session {
        engine: Mutex::new(Some(Arc::new(engine))),
        home: Home::here(),
        variables,
        progress,
    })
}

/// The engine: SQL over documents, entities and whatever is registered.
///
/// Made by :func:`connect`. Can be used from several threads; each query uses all cores. In a ``with`` statement it is
/// closed at the end. A process made by ``fork`` has to open its own.
#[pyclass(frozen, module = "spanql")]
pub struct Session {
    /// None once it is closed.
    engine: Mutex<Option<Arc<spanql::Session>>>,
    home: Home,
    variables: bool,
    progress: Option<bool>,
}

impl Session {
    /// The engine, unless the session is closed or belongs to another process.
    pub fn engine(&self) -> PyResult<Arc<spanql::Session>> {
        // First, since a fork may have left the lock locked.
        self.home.check("session")?;
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.clone().ok_or_else(|| {
            usage("the session is closed: open another one with spanql.connect".to_string())
        })
    }

    fn plan(
        &self,
        py: Python<'_>,
        query: String,
        params: Option<&Bound<'_, PyAny>>,
        named: Option<&Bound<'_, PyDict>>,
        tables: GivenTables,
    ) -> PyResult<Result> {
        let engine = self.engine()?;
        let placeholders = spanql::Session::placeholders(&query).ok();
        let values = params::from_python(params, named, placeholders.as_deref())?;
        let planned = wait(
            py,
            async move { engine.sql_over(&query, values, tables).await },
        )?;
        Ok(Result::new(planned, self.progress))
    }
}

#[pymethods]
impl Session {
    /// Plans a query; it runs when the result is used.
    ///
    /// A name that no table has is looked for among the variables of the calling function and of its module: if it holds
    /// Arrow data, that is the table, for this query alone. It is read at once, as by :meth:`register`.
    ///
    /// Parameters
    /// ----------
    /// query : str
    ///     One SQL statement.
    /// params : list or dict, optional
    ///     Values for ``$1``, ``$2``, … as a list, or for ``$name`` as a dictionary: None, bool, int, float, Decimal, str,
    ///     bytes, date, time, datetime, timedelta (beside a function: ``now() - CAST($1 AS INTERVAL)``), scalars of numpy and
    ///     pandas, or lists of one type of them. What is not there (``pandas.NaT``, ``pandas.NA``) is NULL.
    /// **named
    ///     Values for ``$name``; for ``$query`` and ``$params`` use a dictionary.
    ///
    /// Returns
    /// -------
    /// Result
    ///
    /// Raises
    /// ------
    /// QueryError
    ///     If the statement does not parse or names what is not there, or a parameter is missing. Its ``line`` and
    ///     ``column`` say where, if that is known.
    /// TypeError
    ///     If a parameter is of a type that SQL has not, or a variable that the statement names cannot be read as a table.
    /// UsageError
    ///     If a parameter is given that the statement has not, or a value does not fit; if a variable that it names is a
    ///     stream, which only one query could read; if the session is closed, or was opened before a fork.
    ///
    /// Examples
    /// --------
    /// >>> import pyarrow
    /// >>> import spanql
    /// >>> session = spanql.connect()
    /// >>> session.sql("SELECT $1 + 1 AS next", [41]).to_arrow().to_pylist()
    /// [{'next': 42}]
    /// >>> session.sql("SELECT upper($word) AS loud", word="quiet").to_arrow().to_pylist()
    /// [{'loud': 'QUIET'}]
    /// >>> notes = pyarrow.table({"text": ["call bob@example.com"]})
    /// >>> session.sql("SELECT entity_values(text, 'EMAIL') AS found FROM notes").to_arrow().to_pylist()
    /// [{'found': ['bob@example.com']}]
    /// >>> session.sql("SELECT array_has($1, 'b') AS has", params=[["a", "b"]]).to_arrow().to_pylist()
    /// [{'has': True}]
    #[pyo3(signature = (query, params = None, **named))]
    fn sql(
        &self,
        py: Python<'_>,
        query: String,
        params: Option<Bound<'_, PyAny>>,
        named: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Result> {
        let tables = match self.variables {
            true => variables::named(py, self.engine()?.as_ref(), &query)?,
            false => GivenTables::new(),
        };
        self.plan(py, query, params.as_ref(), named.as_ref(), tables)
    }

    /// As `sql`, with the variables of a scope that is not the caller's, for tables and parameters: what the cell magic is
    /// made of.
    fn _sql_within(
        &self,
        py: Python<'_>,
        query: String,
        scope: Bound<'_, PyDict>,
    ) -> PyResult<Result> {
        let placeholders = spanql::Session::placeholders(&query).unwrap_or_default();
        let params = params::of_scope(&scope, &placeholders)?;
        let scopes = || Ok(vec![scope.into_any()]);
        let tables = match self.variables {
            true => variables::within(py, self.engine()?.as_ref(), &query, scopes)?,
            false => GivenTables::new(),
        };
        self.plan(py, query, Some(params.as_any()), None, tables)
    }

    /// Makes data a table, replacing one registered before under the same name.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     The table's name in SQL. The store's own tables cannot be replaced.
    /// obj : object
    ///     Anything with ``__arrow_c_stream__`` or ``__arrow_c_array__``: a table or reader of pyarrow, a frame of
    ///     polars or pandas, a relation of duckdb, a result of this package; or an iterable of such batches. It is read
    ///     to its end now and kept in memory; buffers are shared, not copied. A column of polars with nothing but None is
    ///     one of strings. Or a path or glob of ``.parquet``,
    ///     ``.csv``, ``.tsv``, ``.jsonl`` or ``.ndjson`` files, which each query reads anew.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     If the object speaks no Arrow, is a column and no table, or cannot be read.
    /// ValueError
    ///     If the name is the store's, batches differ in their columns, or files in their formats.
    /// FileError
    ///     If there is no such file, or it cannot be read.
    ///
    /// Examples
    /// --------
    /// >>> import pyarrow
    /// >>> import spanql
    /// >>> session = spanql.connect()
    /// >>> session.register("notes", pyarrow.table({"text": ["call bob@example.com"]}))
    /// >>> session.sql("SELECT entity_values(text, 'EMAIL') AS found FROM notes").to_arrow().to_pylist()
    /// [{'found': ['bob@example.com']}]
    fn register(&self, py: Python<'_>, name: String, obj: Bound<'_, PyAny>) -> PyResult<()> {
        let engine = self.engine()?;
        if !obj.is_instance_of::<PyBytes>()
            && let Ok(path) = obj.extract::<PathBuf>()
        {
            let pattern = path.into_os_string().into_string().map_err(|path| {
                usage(format!("{}: the path is not valid Unicode", path.display()))
            })?;
            return wait(
                py,
                async move { engine.register_files(&name, &pattern).await },
            );
        }
        let table = register::table(py, &obj)?;
        engine.register(&name, table).map_err(to_py)
    }

    /// Plans a report: one of the stock ones, or a ``.sql`` file of your own.
    ///
    /// Parameters
    /// ----------
    /// name : str or os.PathLike
    ///     A stock report's name, or the path of a file that ends in ``.sql``.
    /// **params
    ///     The report's parameters; its header says which there are. What is left out has its default.
    ///
    /// Returns
    /// -------
    /// Result
    ///
    /// Raises
    /// ------
    /// UsageError
    ///     If there is no such report or parameter, or a value is not of the parameter's type.
    ///
    /// Examples
    /// --------
    /// >>> import spanql
    /// >>> session = spanql.connect("mails.store")  # doctest: +SKIP
    /// >>> session.report("top_domains", top=10).to_pandas()  # doctest: +SKIP
    #[pyo3(signature = (name, /, **params))]
    fn report(
        &self,
        py: Python<'_>,
        name: PathBuf,
        params: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Result> {
        let given = params::words(params.as_ref())?;
        let session = self.engine()?;
        let query = wait(py, async move {
            let report = if name.extension().is_some_and(|end| end == "sql") {
                Report::read(&name)?
            } else {
                Report::find(&name.to_string_lossy(), None)?
            };
            report.query(&session, &given).await
        })?;
        Ok(Result::new(query, self.progress))
    }

    /// Reads raw text into the session's store; later queries see it. See :func:`ingest` for the options.
    ///
    /// Parameters
    /// ----------
    /// paths : str, os.PathLike or iterable of them
    ///     Files, folders, globs, URLs, or ``-`` for standard input.
    /// **options
    ///     As for :func:`ingest`.
    ///
    /// Returns
    /// -------
    /// dict
    ///     What was done.
    ///
    /// Raises
    /// ------
    /// UsageError
    ///     If the session has no store: make one with :func:`ingest`.
    #[pyo3(signature = (paths, **options))]
    fn ingest<'py>(
        &self,
        py: Python<'py>,
        paths: Paths,
        options: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let engine = self.engine()?;
        let Some(store) = engine.store() else {
            return Err(usage(
                "this session has no store: use spanql.ingest(paths, store), then connect(store)"
                    .into(),
            ));
        };
        let options = options.unwrap_or_else(|| PyDict::new(py));
        if !options.contains("progress")? {
            options.set_item("progress", self.progress)?;
        }
        ingest(py, paths, store.root().to_path_buf(), Some(options))
    }

    /// Gives up the engine. Results that were made before keep what they need of it and go on working.
    fn close(&self) -> PyResult<()> {
        self.home.check("session")?;
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn __enter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, _raised: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close()
    }

    fn __repr__(&self) -> String {
        match self.engine().as_deref().map(spanql::Session::store) {
            Ok(Some(store)) => format!("<spanql.Session store={:?}>", store.root()),
            Ok(None) => "<spanql.Session>".to_string(),
            Err(_) => "<spanql.Session closed>".to_string(),
        }
    }
}
