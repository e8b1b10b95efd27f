//! What a URL says: which service, which bucket, which key; and how it is shown without secrets.
//!
//! Keys of buckets are taken as they are written, as the services' own commands do: `?`, `#` and `%` are characters like
//! others. A web address is a URL with all its rules. Nothing is asked of the network here.

use sha2::{Digest, Sha256};
use url::Url;

use crate::error::{Error, Result};

/// Whose protocol it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    S3,
    Google,
    Azure,
    /// HTTP as such.
    Web,
}

/// A URL in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    Bucket {
        service: Service,
        /// `s3://bucket`
        root: String,
        key: String,
    },
    Web(Web),
}

/// An `http(s)` URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Web {
    /// What is asked for: without a user.
    pub url: Url,
    /// As it is shown: without a query, too.
    pub shown: String,
    /// What tells it from others: with a hash of the query, but for signatures, which differ each time.
    pub identity: String,
    /// User and password.
    pub user: Option<(String, String)>,
}

/// Parameters beside these two in signed URLs of Amazon, Google and Azure: they say who may read and how long, not what is
/// read.
/// How parameters begin that only sign.
const SIGNING: [&str; 9] = [
    "q-ak",
    "q-header-list",
    "q-key-time",
    "q-sign",
    "q-url-param-list",
    "x-amz-",
    "x-cos-",
    "x-goog-",
    "x-oss-",
];
const SIGNATURES: [&str; 2] = ["sig", "signature"];
const BESIDE: [&str; 23] = [
    "awsaccesskeyid",
    "expires",
    "googleaccessid",
    "key-pair-id",
    "ossaccesskeyid",
    "policy",
    "sdd",
    "se",
    "security-token",
    "sip",
    "ske",
    "skoid",
    "sks",
    "skt",
    "sktid",
    "skv",
    "sp",
    "spr",
    "sr",
    "srt",
    "ss",
    "st",
    "sv",
];

const SCHEMES: &str = "s3://, gs://, az://, abfs://, http:// and https://";

/// Whether it is a URL, of whatever scheme. `C:\` is none, nor is a path with `://` further behind.
pub(in crate::ingest) fn is_url(given: &str) -> bool {
    given.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

impl Address {
    /// Takes what [`is_url`] calls one.
    pub(super) fn parse(given: &str) -> Result<Self> {
        let (scheme, rest) = given.split_once("://").unwrap_or((given, ""));
        let scheme = scheme.to_ascii_lowercase();
        let service = match scheme.as_str() {
            "s3" | "s3a" => Service::S3,
            "gs" => Service::Google,
            "az" | "azure" | "adl" | "abfs" | "abfss" => Service::Azure,
            "http" | "https" => return Web::parse(given).map(Self::Web),
            _ => {
                return Err(Error::Usage(format!(
                    "{scheme}://… cannot be read: URLs begin with {SCHEMES}; files are named by their paths"
                )));
            }
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        // Azure has its container there, and nobody a password.
        let user = bucket.split_once('@').map(|(user, _)| user);
        if user.is_some_and(|user| service != Service::Azure || user.contains(':')) {
            return Err(Error::Usage(format!(
                "{scheme}://…@…: there are no credentials in such a URL; {}",
                service.credentials()
            )));
        }
        if bucket.is_empty() {
            return Err(Error::Usage(format!("{given}: it names no bucket")));
        }
        // Two names of one.
        let scheme = if service == Service::S3 {
            "s3"
        } else {
            &scheme
        };
        Ok(Self::Bucket {
            service,
            root: format!("{scheme}://{bucket}"),
            key: key.to_string(),
        })
    }
}

impl Web {
    fn parse(given: &str) -> Result<Self> {
        let mut url = Url::parse(given).map_err(|error| {
            // Any part of it may be a secret.
            let scheme = given.split_once("://").map_or("", |(scheme, _)| scheme);
            Error::Usage(format!("{scheme}://…: no URL: {error}"))
        })?;
        let decoded = |text: &str| {
            let bytes = percent_encoding::percent_decode_str(text);
            bytes.decode_utf8_lossy().into_owned()
        };
        let user = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let password = url.password().unwrap_or_default();
            (decoded(url.username()), decoded(password))
        });
        // An `http` URL has a host, and so may have or lack these.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        let mut bare = url.clone();
        bare.set_query(None);
        let shown = bare.to_string();
        let is = |name: &str, names: &[&str]| names.iter().any(|n| name.eq_ignore_ascii_case(n));
        let signed = url.query_pairs().any(|(name, _)| is(&name, &SIGNATURES));
        let asked: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| {
                let lower = name.to_ascii_lowercase();
                let signs = SIGNING.iter().any(|signing| lower.starts_with(signing));
                !signs && !(signed && (is(name, &SIGNATURES) || is(name, &BESIDE)))
            })
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let identity = match asked.is_empty() {
            true => shown.clone(),
            false => {
                let hash = Sha256::digest(format!("{asked:?}"));
                let digits: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{shown}?{digits}")
            }
        };
        Ok(Self {
            url,
            shown,
            identity,
            user,
        })
    }
}

impl Service {
    /// Where the credentials are looked for.
    pub(super) fn credentials(self) -> &'static str {
        match self {
            Self::S3 => {
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN) hold them, AWS_SKIP_SIGNATURE=true \
                 reads public buckets"
            }
            Self::Google => {
                "GOOGLE_APPLICATION_CREDENTIALS names the file with them, GOOGLE_SKIP_SIGNATURE=true reads public buckets"
            }
            Self::Azure => {
                "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN hold them, \
                 AZURE_SKIP_SIGNATURE=true reads public containers"
            }
            Self::Web => "a URL may have them: https://USER:PASSWORD@…",
        }
    }

    /// What says where the service is.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::S3 => "AWS_ENDPOINT_URL and AWS_REGION say where it is",
            Self::Google => "GOOGLE_BASE_URL says where it is, if not at Google",
            Self::Azure => "AZURE_STORAGE_ACCOUNT_NAME and AZURE_ENDPOINT say where it is",
            Self::Web => "is the address right, and the server up?",
        }
    }

    /// What lets it be asked without encryption.
    pub(super) fn plain_http(self) -> &'static str {
        match self {
            Self::S3 => "AWS_ALLOW_HTTP=true",
            Self::Google => "GOOGLE_ALLOW_HTTP=true",
            Self::Azure => "AZURE_ALLOW_HTTP=true",
            Self::Web => "https://",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths_are_told_apart() {
        for url in [
            "s3://b/k",
            "HTTPS://host/x",
            "abfs://c@a.dfs.core.windows.net/x",
            "hdfs://x/y",
        ] {
            assert!(is_url(url), "{url}");
        }
        for path in [
            "a.jsonl",
            "C:\\x",
            "C://x",
            "in/s3://b",
            "s3:/b/k",
            "://x",
            "-",
            "文://x",
        ] {
            assert!(!is_url(path), "{path}");
        }
    }

    #[test]
    fn keys_are_taken_as_they_are_written() {
        let parsed = |url: &str| match Address::parse(url) {
            Ok(Address::Bucket { service, root, key }) => (service, root, key),
            other => panic!("{url}: {other:?}"),
        };
        let of = |service, root: &str, key: &str| (service, root.to_string(), key.to_string());
        for (url, expected) in [
            (
                "s3://b/a b?c#d%20e.txt",
                of(Service::S3, "s3://b", "a b?c#d%20e.txt"),
            ),
            ("S3A://b", of(Service::S3, "s3://b", "")),
            ("gs://b/", of(Service::Google, "gs://b", "")),
            ("az://c/x/", of(Service::Azure, "az://c", "x/")),
            (
                "abfss://c@a.dfs.core.windows.net/日/x",
                of(Service::Azure, "abfss://c@a.dfs.core.windows.net", "日/x"),
            ),
        ] {
            assert_eq!(parsed(url), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_said_without_secrets() {
        for (url, words) in [
            ("hdfs://host/x", "s3://"),
            ("s3:///x", "no bucket"),
            ("s3://AKIA:hunter2@b/x", "AWS_ACCESS_KEY_ID"),
            ("az://c:hunter2@a/x", "AZURE_STORAGE_ACCOUNT_KEY"),
            ("http://", "no URL"),
            ("https://u:hunter2@:x/?hunter2", "no URL"),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(
                error.contains(words) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn web_addresses_are_shown_without_secrets_and_told_apart_by_what_they_ask() {
        let web = |url: &str| match Address::parse(url) {
            Ok(Address::Web(web)) => web,
            other => panic!("{url}: {other:?}"),
        };
        let one = web("https://me:p%40ss@host/a%20b.jsonl?id=1&X-Amz-Signature=hunter2#part");
        assert_eq!(one.shown, "https://host/a%20b.jsonl");
        assert_eq!(
            one.url.as_str(),
            "https://host/a%20b.jsonl?id=1&X-Amz-Signature=hunter2"
        );
        assert_eq!(one.user, Some(("me".into(), "p@ss".into())));
        assert!(!one.identity.contains("id") && !one.identity.contains("hunter2"));
        let again = web("https://host/a%20b.jsonl?X-Amz-Signature=OTHER&id=1");
        assert_eq!(one.identity, again.identity);
        // Signed again by CloudFront, Aliyun and Tencent.
        for signed in [
            "https://host/a?Policy=1&Signature=2&Key-Pair-Id=3",
            "https://host/a?x-oss-date=1&x-oss-signature=2",
            "https://host/a?q-sign-time=1&q-ak=2&q-signature=3",
        ] {
            assert_eq!(web(signed).identity, "https://host/a");
        }
        assert_ne!(one.identity, web("https://host/a%20b.jsonl?id=2").identity);
        let plain = web("https://host/a%20b.jsonl?sig=x&se=2026");
        assert_eq!(plain.identity, plain.shown);
        let unsigned = web("https://host/a%20b.jsonl?se=2026");
        assert_ne!(
            unsigned.identity, unsigned.shown,
            "without a signature it may say what is read"
        );
    }
}
