//! What SQL can set of the planning: `SET spanql.one_scan = false`, `SHOW spanql.one_scan`.

use std::any::Any;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::{Result, config_err};

const ONE_SCAN: &str = "one_scan";

/// The settings under `spanql.`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether calls and tables that look for entities in the same texts share one scan of them.
    pub one_scan: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { one_scan: true }
    }
}

impl Settings {
    /// Whether scans are shared; they are not in a context without these settings.
    #[must_use]
    pub fn shares_scans(options: &ConfigOptions) -> bool {
        let settings = options.extensions.get::<Self>();
        settings.is_some_and(|settings| settings.one_scan)
    }
}

impl ConfigExtension for Settings {
    const PREFIX: &'static str = "spanql";
}

impl ExtensionOptions for Settings {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match (key, value.to_ascii_lowercase().as_str()) {
            (ONE_SCAN, "true") => self.one_scan = true,
            (ONE_SCAN, "false") => self.one_scan = false,
            (ONE_SCAN, _) => return config_err!("spanql.{key} is true or false, not {value:?}"),
            _ => return config_err!("unknown setting spanql.{key}: there is spanql.{ONE_SCAN}"),
        }
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        vec![ConfigEntry {
            key: format!("{}.{ONE_SCAN}", Self::PREFIX),
            value: Some(self.one_scan.to_string()),
            description: "Whether calls and tables that look into the same texts share one scan",
        }]
    }
}
