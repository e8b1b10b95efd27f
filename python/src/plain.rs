//! Whether a consumer's own schema can be served.
//!
//! What leaves by default is `spanql::output::viewless_schema`: pyarrow's kernels (sort, take, comparison, join) still
//! fail on views.

use arrow::compute::can_cast_types;
use arrow::datatypes::Schema;

/// Whether columns of one schema can be handed out as those of another.
pub fn can_become(from: &Schema, to: &Schema) -> bool {
    from.fields().len() == to.fields().len()
        && from
            .fields()
            .iter()
            .zip(to.fields())
            .all(|(from, to)| can_cast_types(from.data_type(), to.data_type()))
}
