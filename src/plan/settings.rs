//! What SQL can set of the planning: `SET spanql.one_scan = false`.

use datafusion::common::config::{ConfigExtension, ConfigOptions};
use datafusion::common::extensions_options;

extensions_options! {
    /// The settings under `spanql.`.
    pub struct Settings {
        /// Whether calls and tables that look for entities in the same texts share one scan of them.
        pub one_scan: bool, default = true
    }
}

impl ConfigExtension for Settings {
    const PREFIX: &'static str = "spanql";
}

impl Settings {
    /// Whether scans are shared; they are not in a context without these settings.
    pub(super) fn shares_scans(options: &ConfigOptions) -> bool {
        let settings = options.extensions.get::<Self>();
        settings.is_some_and(|settings| settings.one_scan)
    }
}
