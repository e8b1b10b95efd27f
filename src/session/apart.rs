//! A plan that runs in a task of its own: whoever holds its stream can drop it while a model is at work in the plan, and
//! what panics there is the query's error, not the end of who reads it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc::Sender;

use crate::ner::Panic;

pub(super) fn run_apart(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    Ok(apart(execute_stream(plan, context)?))
}

fn apart(batches: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut stream = RecordBatchReceiverStream::builder(batches.schema(), 1);
    stream.spawn(send_all(batches, stream.tx()));
    stream.build()
}

async fn send_all(
    mut batches: SendableRecordBatchStream,
    send: Sender<Result<RecordBatch>>,
) -> Result<()> {
    loop {
        // After a panic nothing of the stream is looked at again.
        let next = AssertUnwindSafe(batches.next()).catch_unwind().await;
        let batch = match next {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(()),
            Err(panic) => internal_err!("the query panicked: {}", Panic(&*panic)),
        };
        let failed = batch.is_err();
        if send.send(batch).await.is_err() || failed {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_after_what_came_before_it() {
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::new_empty(Arc::clone(&schema));
        let batches = stream::iter(0..3).map(move |n| match n {
            0 => Ok(batch.clone()),
            _ => panic!("no row {n}"),
        });
        let mut batches = apart(Box::pin(RecordBatchStreamAdapter::new(schema, batches)));
        assert!(batches.next().await.unwrap().is_ok());
        let error = batches.next().await.unwrap().unwrap_err().to_string();
        assert!(error.contains("the query panicked: no row 1"), "{error}");
        assert!(batches.next().await.is_none());
    }
}
