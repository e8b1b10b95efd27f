//! What went wrong, in words: the status, the service's own code, the transport's cause, and the variables to look at.
//!
//! object_store's own messages are not shown: they have URLs with signatures and answers with key ids in them.

use std::error::Error as StdError;
use std::io;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

use super::address::Service;

/// How object_store words an answer that is no success; the answer's text comes behind.
const STATUS: &str = "Server returned non-2xx status code: ";

/// Where the clouds' own machines ask for credentials when there are no others.
const OF_THE_MACHINE: [&str; 2] = ["//169.254.", "//metadata.google.internal"];

/// What to say of an object that is another by now.
pub(super) const CHANGED: &str = "it changed while it was read";

/// Why something could not be found or read.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub words: String,
    /// There is no such object, or no such bucket.
    pub missing: bool,
    /// Nobody answers, so that other objects of the store need not be asked for.
    pub unreachable: bool,
    /// It took too long, which one object of a store may do.
    pub slow: bool,
    /// The server gives all of an object and no parts.
    pub no_parts: bool,
}

impl Failure {
    pub(super) fn of(error: &Error, service: Service) -> Self {
        let status = status(error);
        let transport = chain(error).find_map(|e| e.downcast_ref::<HttpError>());
        let missing = status == Some(404);
        let mut failure = Self {
            words: String::new(),
            missing,
            unreachable: false,
            slow: false,
            no_parts: matches!(error, Error::NotSupported { .. }) || status == Some(416),
        };
        failure.words = match (status, transport) {
            (_, Some(_)) if asked_the_machine(error) => {
                format!("there are no credentials: {}", service.credentials())
            }
            (Some(412), _) => CHANGED.to_string(),
            (Some(404), _) => match code(error).as_deref() {
                Some("NoSuchBucket" | "ContainerNotFound") => "there is no such bucket".to_string(),
                _ => "it does not exist".to_string(),
            },
            (Some(status @ (401 | 403)), _) => {
                format!(
                    "access denied ({}): {}",
                    said(error, status),
                    service.credentials()
                )
            }
            (Some(status), _) => format!("the server answers {}", said(error, status)),
            (None, Some(transport)) => {
                let cause = cause(error);
                match transport.kind() {
                    HttpErrorKind::Timeout => {
                        failure.slow = true;
                        format!("it does not answer in time: {}", service.endpoint())
                    }
                    HttpErrorKind::Connect => {
                        failure.unreachable = true;
                        format!("it cannot be reached ({cause}): {}", service.endpoint())
                    }
                    _ if cause.contains("scheme is not allowed") => format!(
                        "an address without encryption is refused: {} allows it",
                        service.plain_http()
                    ),
                    _ => format!("the connection broke off ({cause})"),
                }
            }
            (None, None) => cause(error),
        };
        failure
    }

    pub(super) fn new(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            missing: false,
            unreachable: false,
            slow: false,
            no_parts: false,
        }
    }

    pub(super) fn error(&self) -> io::Error {
        let kind = match self.missing {
            true => io::ErrorKind::NotFound,
            false => io::ErrorKind::Other,
        };
        io::Error::new(kind, self.words.clone())
    }
}

fn chain(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |&e| e.source())
}

fn asked_the_machine(error: &Error) -> bool {
    chain(error).any(|e| {
        let words = e.to_string();
        OF_THE_MACHINE.iter().any(|host| words.contains(host))
    })
}

/// The HTTP status of the answer, if there was one.
fn status(error: &Error) -> Option<u16> {
    match error {
        Error::NotFound { .. } => Some(404),
        Error::PermissionDenied { .. } => Some(403),
        Error::Unauthenticated { .. } => Some(401),
        Error::Precondition { .. } => Some(412),
        _ => {
            let answer = answer(error)?;
            answer.strip_prefix(STATUS)?.get(..3)?.parse().ok()
        }
    }
}

/// What the server said, as object_store words it.
fn answer(error: &Error) -> Option<String> {
    chain(error)
        .map(ToString::to_string)
        .find(|words| words.starts_with(STATUS))
}

/// The service's own word: `<Code>SignatureDoesNotMatch</Code>`, and nothing else of what it said.
fn code(error: &Error) -> Option<String> {
    let answer = answer(error)?;
    let (_, rest) = answer.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word = !code.is_empty() && code.len() <= 64;
    (is_word && code.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| code.to_string())
}

fn said(error: &Error, status: u16) -> String {
    match code(error) {
        Some(code) => format!("HTTP {status}, {code}"),
        None => format!("HTTP {status}"),
    }
}

/// The innermost cause; outer ones may have URLs in them.
fn cause(error: &Error) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("Error performing GET https://h/x?sig=hunter2")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("Error performing PUT http://169.254.169.254/latest/api/token in 9s")]
    struct Token(#[source] HttpError);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Inner(String);

    fn generic(words: &str) -> Error {
        Error::Generic {
            store: "S3",
            source: Box::new(Outer(Inner(words.to_string()))),
        }
    }

    #[test]
    fn answers_are_told_by_status_and_code_alone() {
        let body = "<Error><Code>SlowDown</Code><AWSAccessKeyId>hunter2</AWSAccessKeyId></Error>";
        let words = |error: &Error| Failure::of(error, Service::S3).words;
        let error = generic(&format!("{STATUS}503 Service Unavailable: {body}"));
        assert_eq!(words(&error), "the server answers HTTP 503, SlowDown");
        let error = generic(&format!("{STATUS}400 Bad Request: hunter2"));
        assert_eq!(words(&error), "the server answers HTTP 400");
        let denied = Error::PermissionDenied {
            path: "x".into(),
            source: Box::new(Outer(Inner(format!("{STATUS}403 Forbidden: {body}")))),
        };
        let said = words(&denied);
        assert!(said.starts_with("access denied (HTTP 403, SlowDown): AWS_ACCESS_KEY_ID"));
        assert!(!said.contains("hunter2"));
        let other = generic("Content-Length header missing");
        assert_eq!(words(&other), "Content-Length header missing");
    }

    #[test]
    fn nobody_there_is_told_from_nothing_there() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = Error::Generic {
            store: "HTTP",
            source: Box::new(HttpError::new(HttpErrorKind::Connect, refused)),
        };
        let failure = Failure::of(&error, Service::Azure);
        assert!(failure.unreachable && !failure.missing);
        assert!(failure.words.contains("refused") && failure.words.contains("AZURE_ENDPOINT"));
        let late = HttpError::new(HttpErrorKind::Timeout, Inner("late".into()));
        let error = Error::Generic {
            store: "S3",
            source: Box::new(Token(late)),
        };
        let words = Failure::of(&error, Service::S3).words;
        assert!(words.starts_with("there are no credentials: AWS_ACCESS_KEY_ID"));
        let error = Error::NotFound {
            path: "x".into(),
            source: Box::new(Inner("404".into())),
        };
        let failure = Failure::of(&error, Service::S3);
        assert!(failure.missing && !failure.unreachable);
        assert_eq!(failure.error().kind(), io::ErrorKind::NotFound);
    }
}
