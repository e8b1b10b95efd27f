//! `Result`: a query that runs whenever its rows are asked for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use pyo3::exceptions::{PyImportError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::ffi::to_schema_pycapsule;
use pyo3_arrow::{PyRecordBatch, PyRecordBatchReader, PySchema, PyTable};
use spanql::output::{self, Format, viewless_schema};

use crate::error::to_py;
use crate::plain::can_become;
use crate::preview;
use crate::progress::Bar;
use crate::stream::{Batches, Reader, progress};
use crate::threads::Home;
use crate::wait::{wait, wait_and};

/// What a query gives, not yet computed.
///
/// A result is lazy and can be used any number of times: each use runs the query and streams its rows. It speaks
/// Arrow's PyCapsule interface, so pyarrow, polars, pandas and duckdb take it as it is. Strings leave as ``string``;
/// a consumer that passes a `requested_schema` gets the types it asks for, ``string_view`` included, as far as no value
/// would be another in them.
///
/// It sees the store's files as they were when the query was planned. Those that an ingest, a merge or a removal replaces
/// are taken from the disk only once no result of any process may read them: do not keep results longer than you use them.
///
/// Examples
/// --------
/// >>> import spanql
/// >>> result = spanql.connect().sql("SELECT 1 AS one, 'a' AS letter")
/// >>> result.schema
/// [('one', 'Int64'), ('letter', 'Utf8')]
/// >>> result.to_arrow().to_pylist()
/// [{'one': 1, 'letter': 'a'}]
/// >>> [batch.num_rows for batch in result]
/// [1]
#[pyclass(frozen, module = "spanql")]
pub struct Result {
    query: spanql::Query,
    schema: SchemaRef,
    home: Home,
    progress: Option<bool>,
}

impl Result {
    /// The result of a planned query; `progress` says whether it shows a bar.
    pub fn new(query: spanql::Query, progress: Option<bool>) -> Self {
        let schema = viewless_schema(&query.schema());
        Self {
            query,
            schema,
            home: Home::here(),
            progress,
        }
    }

    /// The query, to be run, unless this is another process.
    fn query(&self) -> PyResult<spanql::Query> {
        self.home.check("result")?;
        Ok(self.query.clone())
    }

    fn batches(&self) -> PyResult<Batches> {
        Batches::start(self.query()?, Arc::clone(&self.schema), self.progress)
    }

    /// All rows, in memory.
    fn collect(&self, py: Python<'_>) -> PyResult<PyTable> {
        let mut batches = self.batches()?;
        let mut collected = Vec::new();
        while let Some(batch) = batches.next(py)? {
            collected.push(batch);
        }
        PyTable::try_new(collected, Arc::clone(&self.schema))
    }

    /// Runs the query and gives its batches to `work`, with a bar if that takes long.
    fn run<T, F>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(SendableRecordBatchStream) -> F + Send + 'static,
    ) -> PyResult<T>
    where
        T: Send + 'static,
        F: Future<Output = spanql::Result<T>> + Send + 'static,
    {
        let (query, watch) = (self.query()?, Arc::new(OnceLock::new()));
        let seen = Arc::clone(&watch);
        let mut bar = Bar::new("query", "rows", self.progress);
        let work = async move {
            let (rows, running) = query.watched().await?;
            let _ = seen.set(running);
            work(rows).await
        };
        wait_and(py, work, &mut |py| bar.show(py, || progress(&watch)))
    }
}

#[pymethods]
impl Result {
    /// The columns as they leave: name and Arrow type, in order.
    ///
    /// ``pyarrow.schema(result)`` gives the same as a pyarrow schema.
    #[getter]
    fn schema(&self) -> Vec<(String, String)> {
        self.schema
            .fields()
            .iter()
            .map(|f| (f.name().clone(), f.data_type().to_string()))
            .collect()
    }

    /// Arrow's PyCapsule interface: the columns, without running the query.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
    }

    /// Arrow's PyCapsule interface: runs the query and streams its rows.
    ///
    /// Parameters
    /// ----------
    /// requested_schema : PyCapsule, optional
    ///     The types wanted, of the columns that there are, by the same names in the same order. Where one of them could not
    ///     hold every value as it is (views, dictionaries, wider numbers and finer times can), the result's own are given,
    ///     as the interface demands.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let requested = match requested_schema {
            Some(capsule) => Some(PySchema::from_arrow_pycapsule(&capsule)?.into_inner()),
            None => None,
        };
        let schema = requested
            .filter(|requested| can_become(&self.query.schema(), requested))
            .unwrap_or_else(|| Arc::clone(&self.schema));
        let reader = PyRecordBatchReader::new(Box::new(Reader::start(
            self.query()?,
            schema,
            self.progress,
        )?));
        reader.into_pyobject(py)?.call_method0("__arrow_c_stream__")
    }

    /// Runs the query and gives its rows as a ``pyarrow.Table``.
    ///
    /// Returns
    /// -------
    /// pyarrow.Table
    fn to_arrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        import(py, "pyarrow", "pyarrow")?;
        self.collect(py)?.into_pyarrow(py)
    }

    /// Runs the query and gives its rows as a ``pandas.DataFrame``; needs pandas and pyarrow.
    ///
    /// Returns
    /// -------
    /// pandas.DataFrame
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        import(py, "pandas", "pandas")?;
        self.to_arrow(py)?.call_method0("to_pandas")
    }

    /// Runs the query and gives its rows as a ``polars.DataFrame``.
    ///
    /// Returns
    /// -------
    /// polars.DataFrame
    fn to_polars<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let polars = import(py, "polars", "polars")?;
        polars.call_method1("DataFrame", (self.collect(py)?,))
    }

    /// Runs the query and writes its rows as JSON.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike, optional
    ///     Where to write; the file appears when it is complete. One JSON array, or one object a line where the name
    ///     ends in ``.ndjson`` or ``.jsonl``. The rows are streamed, whatever their number.
    ///
    /// Returns
    /// -------
    /// str or int
    ///     Without a path the JSON array, with one the number of rows written.
    ///
    /// Examples
    /// --------
    /// >>> import spanql
    /// >>> import json
    /// >>> json.loads(spanql.connect().sql("SELECT 1 AS one").to_json())
    /// [{'one': 1}]
    #[pyo3(signature = (path = None))]
    fn to_json<'py>(&self, py: Python<'py>, path: Option<PathBuf>) -> PyResult<Bound<'py, PyAny>> {
        let Some(path) = path else {
            let json = self.run(py, async |rows| {
                let mut json = Vec::new();
                output::write(rows, Format::Json, &mut json).await?;
                Ok(json)
            })?;
            return Ok(String::from_utf8(json)?.into_pyobject(py)?.into_any());
        };
        let lines = path
            .extension()
            .is_some_and(|end| end == "ndjson" || end == "jsonl");
        let format = if lines { Format::Ndjson } else { Format::Json };
        let write = async move |rows| output::write_file(rows, format, &path).await;
        let rows = self.run(py, write)?;
        Ok(rows.into_pyobject(py)?.into_any())
    }

    /// Runs the query and writes its rows to a file, which appears when it is complete. The rows are streamed, whatever
    /// their number.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     Where to write.
    /// format : str, optional
    ///     ``"json"``, ``"ndjson"``, ``"csv"``, ``"parquet"``, ``"arrow"``, ``"table"`` or ``"vertical"``. Without it,
    ///     what the name ends in says it.
    ///
    /// Returns
    /// -------
    /// int
    ///     The number of rows.
    ///
    /// Raises
    /// ------
    /// UsageError
    ///     If there is no such format, or the name does not say it.
    /// FileError
    ///     If the file cannot be written.
    ///
    /// Examples
    /// --------
    /// >>> import pathlib
    /// >>> import tempfile
    /// >>> import spanql
    /// >>> result = spanql.connect().sql("SELECT 1 AS one")
    /// >>> with tempfile.TemporaryDirectory() as folder:
    /// ...     result.write(pathlib.Path(folder, "ones.csv"))
    /// ...     pathlib.Path(folder, "ones.csv").read_text()
    /// 1
    /// 'one\n1\n'
    #[pyo3(signature = (path, format = None))]
    fn write(&self, py: Python<'_>, path: PathBuf, format: Option<&str>) -> PyResult<u64> {
        let format = match format {
            Some(name) => name.parse(),
            None => Format::from_extension(&path),
        };
        let format = format.map_err(to_py)?;
        self.run(py, async move |rows| {
            output::write_file(rows, format, &path).await
        })
    }

    /// The plan of the query, in words.
    ///
    /// Parameters
    /// ----------
    /// analyze : bool
    ///     Run the query, and say what each step of it took.
    ///
    /// Returns
    /// -------
    /// str
    ///
    /// Examples
    /// --------
    /// >>> import spanql
    /// >>> "Projection" in spanql.connect().sql("SELECT 1 AS one").explain()
    /// True
    #[pyo3(signature = (analyze = false))]
    fn explain(&self, py: Python<'_>, analyze: bool) -> PyResult<String> {
        let query = self.query()?;
        wait(py, async move { query.explain(analyze).await })
    }

    /// Runs the query and gives its rows batch by batch, as ``pyarrow.RecordBatch``.
    fn __iter__(&self, py: Python<'_>) -> PyResult<RecordBatches> {
        import(py, "pyarrow", "pyarrow")?;
        let batches = Mutex::new(self.batches()?);
        Ok(RecordBatches { batches })
    }

    fn __repr__(&self) -> String {
        let columns: Vec<String> = self
            .schema
            .fields()
            .iter()
            .map(|f| format!("{}: {}", f.name(), f.data_type()))
            .collect();
        format!("<spanql.Result [{}]>", columns.join(", "))
    }

    /// The first rows as an HTML table, for notebooks. Runs the query until it has them.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let mut batches = self.batches()?;
        let (mut shown, mut rows, mut more) = (Vec::new(), 0, false);
        while let Some(batch) = batches.next(py)? {
            let room = preview::ROWS - rows;
            more = batch.num_rows() > room;
            let head = batch.slice(0, batch.num_rows().min(room));
            rows += head.num_rows();
            shown.push(head);
            if more {
                break;
            }
        }
        preview::html(&self.schema, &shown, more).map_err(|error| to_py(error.into()))
    }
}

/// The batches of one run of a query.
#[pyclass(frozen, module = "spanql._spanql")]
pub struct RecordBatches {
    batches: Mutex<Batches>,
}

#[pymethods]
impl RecordBatches {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        // Not waited for: who holds the lock may need the GIL to go on.
        let Ok(mut batches) = self.batches.try_lock() else {
            return Err(PyValueError::new_err(
                "another thread is waiting for the next batch: let each iterate over the result itself",
            ));
        };
        let batch = batches.next(py)?;
        batch
            .map(|batch| PyRecordBatch::new(batch).into_pyarrow(py))
            .transpose()
    }
}

/// Imports an optional dependency, or says how to get it.
pub fn import<'py>(py: Python<'py>, module: &str, extra: &str) -> PyResult<Bound<'py, PyModule>> {
    py.import(module).map_err(|error| {
        if error.is_instance_of::<PyImportError>(py) {
            let hint = PyImportError::new_err(format!(
                "{module} is not installed: pip install 'spanql[{extra}]'"
            ));
            hint.set_cause(py, Some(error));
            hint
        } else {
            error
        }
    })
}
