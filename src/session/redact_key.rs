//! Where the key of `redact`'s hashes comes from: the environment, or a file that `spanql.toml` names.
//!
//! Never from SQL, where it would stand in logs, histories and EXPLAIN.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::recognize::Key;

/// The environment variable that holds the key; it goes before the file.
pub const REDACT_KEY_VARIABLE: &str = "SPANQL_REDACT_KEY";

/// What is read of a key file: no key is so long, and a device may never end.
const LONGEST: u64 = 64 << 10;

/// The key, without the line end after it, or why there is none: that is an error only for who hashes.
pub(super) fn redact_key(file: Option<&Path>) -> Result<Key, String> {
    let from_environment = std::env::var_os(REDACT_KEY_VARIABLE).filter(|key| !key.is_empty());
    let (place, secret) = match (from_environment, file) {
        (Some(key), _) => (
            REDACT_KEY_VARIABLE.to_string(),
            Ok(key.into_encoded_bytes()),
        ),
        (None, Some(path)) => (path.display().to_string(), read(path)),
        (None, None) => {
            return Err(format!(
                "set {REDACT_KEY_VARIABLE} in the environment or redact_key_file in spanql.toml; \
                 `openssl rand -hex 32` makes one"
            ));
        }
    };
    let secret = secret.map_err(|e| format!("{place}: {e}"))?;
    Key::new(secret.trim_ascii_end()).map_err(|e| format!("{place}: {e}"))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut secret = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut secret)?;
    Ok(secret)
}
