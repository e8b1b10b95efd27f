//! Answers of stores: parts to their end, and objects in one go.
//!
//! Each is checked against the object that was found: its ETag is asked for where it has one, and what the answer says of it
//! must be that. A part that breaks off is asked for again from there, as long as some of it comes: object_store does so
//! by itself only where there is an ETag.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore};

use super::words::{CHANGED, Failure};
use super::{Client, version_of};
use crate::store::ObjectVersion;

/// What is read in one go is given up when nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(60);
const SHORT: &str = "the server sends less than it says";
const LONG: &str = "the server sends more than it was asked for";

/// How often a part that breaks off is asked for again, and how much longer each time before that.
const MOST_RESUMED: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// The stream of an answer.
pub(super) type Body = BoxStream<'static, object_store::Result<Bytes>>;

/// Some bytes of an object, and what the answer said of it.
pub(super) type Part = (Bytes, ObjectVersion);

/// What is asked for.
pub(super) struct Target {
    pub client: Arc<Client>,
    pub location: Path,
    pub size: u64,
}

impl Target {
    /// A part, to its end.
    pub(super) async fn part(
        self,
        range: Range<u64>,
        etag: Option<String>,
    ) -> Result<Part, Failure> {
        // One that is weak says that the content is much the same, and never matches.
        let if_match = etag.filter(|etag| !etag.starts_with("W/"));
        let mut bytes = BytesMut::with_capacity((range.end - range.start) as usize);
        let mut first: Option<ObjectVersion> = None;
        let wanted = (range.end - range.start) as usize;
        for resumed in 0..MOST_RESUMED {
            tokio::time::sleep(PAUSE * resumed).await;
            let before = bytes.len();
            let options = GetOptions {
                range: Some(GetRange::Bounded(range.start + before as u64..range.end)),
                if_match: if_match.clone(),
                ..GetOptions::default()
            };
            let answer = self.client.store.get_opts(&self.location, options).await;
            let answer = answer.map_err(|error| self.failed(&error))?;
            let version = self.checked(&answer)?;
            let first = first.get_or_insert_with(|| version.clone());
            if first.same(&version) == Some(false) {
                return Err(Failure::new(CHANGED));
            }
            let mut stream = answer.into_stream();
            let end = loop {
                match stream.next().await {
                    Some(Ok(more)) if bytes.len() + more.len() > wanted => {
                        return Err(Failure::new(LONG));
                    }
                    Some(Ok(more)) => bytes.extend_from_slice(&more),
                    Some(Err(error)) => break Some(self.failed(&error)),
                    None => break None,
                }
            };
            match end {
                _ if bytes.len() == wanted => return Ok((bytes.freeze(), version)),
                Some(failure) if bytes.len() == before => return Err(failure),
                None if bytes.len() == before => return Err(Failure::new(SHORT)),
                _ => {}
            }
        }
        Err(Failure::new(SHORT))
    }

    /// All of it, as a stream.
    pub(super) async fn whole(self) -> Result<(Body, ObjectVersion), Failure> {
        let store = self.client.patient.as_ref().unwrap_or(&self.client.store);
        let answer = silence(store.get_opts(&self.location, GetOptions::default())).await?;
        let answer = answer.map_err(|error| self.failed(&error))?;
        let version = self.checked(&answer)?;
        Ok((answer.into_stream(), version))
    }

    /// The next bytes of an answer that is not over yet, and the rest of it.
    pub(super) async fn piece(self, mut body: Body) -> Result<(Bytes, Body), Failure> {
        match silence(body.next()).await? {
            Some(Ok(bytes)) => Ok((bytes, body)),
            Some(Err(error)) => Err(self.failed(&error)),
            None => Err(Failure::new(SHORT)),
        }
    }

    /// What an answer says of the object, which must have the size that it had.
    fn checked(&self, answer: &GetResult) -> Result<ObjectVersion, Failure> {
        match answer.meta.size == self.size {
            true => Ok(version_of(&answer.meta)),
            false => Err(Failure::new(CHANGED)),
        }
    }

    fn failed(&self, error: &object_store::Error) -> Failure {
        Failure::of(error, self.client.service)
    }
}

async fn silence<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(SILENCE, work).await.map_err(|_| {
        let seconds = SILENCE.as_secs();
        Failure::new(format!("the server sends nothing for {seconds} s"))
    })
}
