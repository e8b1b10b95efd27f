//! `connect` and `Session`.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use spanql::SessionOptions;
use spanql::report::Report;

use crate::error::{to_py, usage};
use crate::ingest::{Paths, Size, ingest};
use crate::result::Result;
use crate::wait::wait;
use crate::{params, register};

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
///     What queries may use, in bytes or as ``"2GB"``. Without it, the configuration's, else a share of the machine's.
///
/// Returns
/// -------
/// Session
///
/// Raises
/// ------
/// StoreError
///     If there is no store at `store`.
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
#[pyo3(signature = (store = None, config = None, memory_limit = None))]
pub fn connect(
    py: Python<'_>,
    store: Option<PathBuf>,
    config: Option<PathBuf>,
    memory_limit: Option<Size>,
) -> PyResult<Session> {
    let memory = memory_limit
        .map(|limit| limit.bytes("memory_limit"))
        .transpose()?;
    let options = SessionOptions {
        store,
        config,
        memory,
        threads: None,
        ..SessionOptions::default()
    };
    let inner = wait(py, spanql::Session::open(options))?;
    Ok(Session {
        inner: Arc::new(inner),
    })
}

/// The engine: SQL over documents, entities and whatever is registered.
///
/// Made by :func:`connect`. Can be used from several threads; each query uses all cores.
#[pyclass(frozen, module = "spanql")]
pub struct Session {
    inner: Arc<spanql::Session>,
}

#[pymethods]
impl Session {
    /// Plans a query; it runs when the result is used.
    ///
    /// Parameters
    /// ----------
    /// query : str
    ///     One SQL statement.
    /// params : list or dict, optional
    ///     Values for ``$1``, ``$2``, … as a list, or for ``$name`` as a dictionary.
    /// **named
    ///     Values for ``$name``.
    ///
    /// Returns
    /// -------
    /// Result
    ///
    /// Raises
    /// ------
    /// QueryError
    ///     If the statement does not parse or names what is not there, or a parameter is missing.
    ///
    /// Examples
    /// --------
    /// >>> import spanql
    /// >>> session = spanql.connect()
    /// >>> session.sql("SELECT $1 + 1 AS next", [41]).to_arrow().to_pylist()
    /// [{'next': 42}]
    /// >>> session.sql("SELECT upper($word) AS loud", word="quiet").to_arrow().to_pylist()
    /// [{'loud': 'QUIET'}]
    #[pyo3(signature = (query, params = None, /, **named))]
    fn sql(
        &self,
        py: Python<'_>,
        query: String,
        params: Option<Bound<'_, PyAny>>,
        named: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Result> {
        let values = params::from_python(params.as_ref(), named.as_ref())?;
        let session = Arc::clone(&self.inner);
        Ok(Result::new(wait(py, async move {
            session.sql(&query, values).await
        })?))
    }

    /// Makes Arrow data a table, replacing one registered before under the same name.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     The table's name in SQL. The store's own tables cannot be replaced.
    /// obj : object
    ///     Anything with ``__arrow_c_stream__`` or ``__arrow_c_array__``: a table or reader of pyarrow, a frame of
    ///     polars or pandas, a relation of duckdb, a result of this package. It is read to its end now and kept in
    ///     memory; buffers are shared, not copied.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     If the object speaks no Arrow.
    ///
    /// Examples
    /// --------
    /// >>> import pyarrow
    /// >>> import spanql
    /// >>> session = spanql.connect()
    /// >>> session.register("notes", pyarrow.table({"text": ["call bob@example.com"]}))
    /// >>> session.sql("SELECT entity_values(text, 'EMAIL') AS found FROM notes").to_arrow().to_pylist()
    /// [{'found': ['bob@example.com']}]
    fn register(&self, py: Python<'_>, name: &str, obj: Bound<'_, PyAny>) -> PyResult<()> {
        let table = register::table(py, &obj)?;
        self.inner.register(name, table).map_err(to_py)
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
        let session = Arc::clone(&self.inner);
        let query = wait(py, async move {
            let report = if name.extension().is_some_and(|end| end == "sql") {
                Report::read(&name)?
            } else {
                Report::find(&name.to_string_lossy(), None)?
            };
            report.query(&session, &given).await
        })?;
        Ok(Result::new(query))
    }

    /// Reads raw text into the session's store; later queries see it. See :func:`ingest` for the options.
    ///
    /// Parameters
    /// ----------
    /// paths : str, os.PathLike or list of them
    ///     Files, folders, globs, or ``-`` for standard input.
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
        let Some(store) = self.inner.store() else {
            return Err(usage(
                "this session has no store: use spanql.ingest(paths, store), then connect(store)"
                    .into(),
            ));
        };
        ingest(py, paths, store.root().to_path_buf(), options)
    }

    fn __repr__(&self) -> String {
        match self.inner.store() {
            Some(store) => format!("<spanql.Session store={:?}>", store.root()),
            None => "<spanql.Session>".to_string(),
        }
    }
}
