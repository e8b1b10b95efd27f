//! The thread that owns the network: libtorch's tensors may move between threads, but not be shared by them.
//!
//! One thread at a time also keeps libtorch's own threads few: it starts a set of them for each thread that calls it.
//! Panics in rust-bert become errors here, and leave the network as it was.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::folder::Folder;
use super::network::{Guess, Network};
use super::tokenizer::Input;

/// Reaches the thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Owner {
    requests: Sender<Request>,
}

struct Request {
    batch: Vec<Vec<Input>>,
    reply: Sender<Result<Vec<Vec<Guess>>, String>>,
}

impl Owner {
    /// Starts the thread, and returns when the weights are loaded.
    ///
    /// # Errors
    /// A message for the user, if they could not be.
    pub(super) fn start(folder: Arc<Folder>, padding: i64) -> Result<Self, String> {
        let (requests, received) = channel::<Request>();
        let (loaded, ready) = channel();
        thread::Builder::new()
            .name("spanql-rust-bert".to_owned())
            .spawn(move || {
                match caught(|| Network::load(&folder, padding)) {
                    Ok(network) => {
                        // Whoever asked may be gone; others may still come.
                        let _ = loaded.send(Ok(()));
                        serve(&network, &received);
                    }
                    Err(problem) => drop(loaded.send(Err(problem))),
                }
            })
            .map_err(|e| format!("cannot start a thread: {e}"))?;
        ready
            .recv()
            .unwrap_or_else(|_| Err("its thread has ended".to_owned()))?;
        Ok(Self { requests })
    }

    /// As [`Network::guess`], in the thread that owns it.
    pub(super) fn guess(&self, batch: Vec<Vec<Input>>) -> Result<Vec<Vec<Guess>>, String> {
        let (reply, answer) = channel();
        let gone = || "its thread has ended".to_owned();
        self.requests
            .send(Request { batch, reply })
            .map_err(|_| gone())?;
        answer.recv().unwrap_or_else(|_| Err(gone()))
    }
}

fn serve(network: &Network, requests: &Receiver<Request>) {
    for Request { batch, reply } in requests {
        // A caller that has gone away needs no answer.
        let _ = reply.send(caught(|| network.guess(&batch)));
    }
}

fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(message(panic.as_ref())))
}

/// What a panic said. libtorch's own errors come with a list of its functions, which is left out.
fn message(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
    let brief = said.split(r"\nException raised from").next().unwrap_or(said);
    format!("rust-bert panicked: {brief}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let error = caught::<()>(|| panic!(r"index {} out of range\nException raised from x.cpp", 7));
        assert_eq!(error.unwrap_err(), "rust-bert panicked: index 7 out of range");
    }
}
