//! An address → its store, with the options that the environment has: `AWS_*`, `GOOGLE_*`, `AZURE_*`, as object_store
//! names them. Nothing is sent yet.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::{
    BackoffConfig, ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig,
};

use super::address::{Service, Web};
use super::words::Failure;
use super::{Bucket, Client, Engine, Objects};
use crate::error::{Error, Result};

/// A request is tried again for some seconds, whether the server cannot be reached or is busy.
const RETRIES: usize = 6;

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: Duration::from_secs(180),
    }
}

impl Objects {
    /// The store with this root, such as `s3://bucket`; connected to once.
    pub(super) fn bucket(&mut self, service: Service, root: &str) -> Result<Arc<Bucket>> {
        if let Some(bucket) = self.buckets.get(root) {
            return Ok(Arc::clone(bucket));
        }
        let built: object_store::Result<Arc<dyn ObjectStore>> = match service {
            Service::S3 => AmazonS3Builder::from_env()
                .with_url(root)
                .with_retry(retry())
                .build()
                .map(|store| Arc::new(store) as _),
            Service::Google => GoogleCloudStorageBuilder::from_env()
                .with_url(root)
                .with_retry(retry())
                .build()
                .map(|store| Arc::new(store) as _),
            Service::Azure => MicrosoftAzureBuilder::from_env()
                .with_url(root)
                .with_retry(retry())
                .build()
                .map(|store| Arc::new(store) as _),
            Service::Web => unreachable!("a web address is no bucket"),
        };
        let store = built.map_err(|error| {
            let failure = Failure::of(&error, service);
            Error::Usage(format!(
                "{root}: {}; {}",
                failure.words,
                service.credentials()
            ))
        })?;
        let bucket = Arc::new(Bucket {
            engine: self.engine()?,
            client: Arc::new(Client {
                service,
                store,
                patient: None,
            }),
            root: root.to_string(),
            unreachable: Default::default(),
            slow: Default::default(),
        });
        self.buckets.insert(root.to_string(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// A web server, asked for one address: object_store would ask for its path alone, without the query.
    pub(super) fn web(&mut self, web: &Web) -> Result<Arc<Bucket>> {
        let mut options = ClientOptions::new().with_allow_http(true);
        if let Some((user, password)) = &web.user {
            let both = BASE64_STANDARD.encode(format!("{user}:{password}"));
            // Of letters, digits and `+/=`.
            if let Ok(mut value) = HeaderValue::try_from(format!("Basic {both}")) {
                value.set_sensitive(true);
                let mut headers = HeaderMap::new();
                headers.insert("authorization", value);
                options = options.with_default_headers(headers);
            }
        }
        let build = |options: ClientOptions| -> Result<Arc<dyn ObjectStore>> {
            let built = HttpBuilder::new()
                .with_url(web.url.as_str())
                .with_client_options(options)
                .with_retry(retry())
                .build();
            let store = built.map_err(|error| {
                let failure = Failure::of(&error, Service::Web);
                Error::Usage(format!("{}: {}", web.shown, failure.words))
            })?;
            Ok(Arc::new(store))
        };
        Ok(Arc::new(Bucket {
            engine: self.engine()?,
            client: Arc::new(Client {
                service: Service::Web,
                store: build(options.clone())?,
                patient: Some(build(options.with_timeout_disabled())?),
            }),
            root: web.shown.clone(),
            unreachable: Default::default(),
            slow: Default::default(),
        }))
    }

    fn engine(&mut self) -> Result<Arc<Engine>> {
        if let Some(engine) = &self.engine {
            return Ok(Arc::clone(engine));
        }
        let engine = Engine::start().map_err(Error::io("threads for object stores"))?;
        Ok(Arc::clone(self.engine.insert(Arc::new(engine))))
    }
}
