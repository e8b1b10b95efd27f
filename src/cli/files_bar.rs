//! A progress bar over a store's files of documents.

use indicatif::ProgressBar;

use crate::keep::Progress;

pub(super) struct FilesBar(pub ProgressBar);

impl Progress for FilesBar {
    fn start(&self, files: u64) {
        self.0.set_length(files);
    }

    fn advance(&self) {
        self.0.inc(1);
    }
}
