//! The threads that run the network: one a core, each with a batch of its own.
//!
//! libtorch would share a batch among threads of its own, which wait for each other by spinning, and so fight with those that
//! run SQL: beside busy workers the same answers took two to four times the CPU. Here it is told to use one, and batches are
//! what goes on side by side; the weights are in memory once. Panics in rust-bert become errors, and leave the network as it
//! was.

use std::any::Any;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::folder::Folder;
use super::network::{Guess, Network};
use super::tokenizer::Input;

/// Reaches the threads, which end when this is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    requests: Sender<Request>,
    /// How many tokens a batch should have, padding included.
    pub(super) batch: usize,
}

/// On a core, larger batches fall out of its caches, and each allocates memory anew.
const BATCH_OF_CORE: usize = 1024;
/// Other devices need much at once to be busy. Untested: no such device was at hand.
const BATCH_OF_DEVICE: usize = 16 * 1024;

struct Request {
    number: usize,
    batch: Vec<Vec<Input>>,
    reply: Sender<(usize, Guesses)>,
}

/// Those for a batch of texts.
type Guesses = Result<Vec<Vec<Guess>>, String>;

/// A network that several threads run at the same time.
struct Shared(Network);

// SAFETY: tensors are counted by atomics, and libtorch allows threads to read one at the same time. A forward pass without
// gradients and dropout reads the weights and writes tensors of its own; rust-bert's networks have no interior mutability.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

/// How many tokens keep all threads busy.
pub(super) fn enough() -> usize {
    cores() * BATCH_OF_CORE
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

impl Workers {
    /// Loads the weights and starts the threads.
    ///
    /// # Errors
    /// A message for the user.
    pub(super) fn start(folder: &Folder, padding: i64) -> Result<Self, String> {
        let load = || {
            tch::set_num_threads(1);
            caught(|| Network::load(folder, padding)).map(|network| Arc::new(Shared(network)))
        };
        // In a thread of its own, so that what libtorch keeps for this one ends with it.
        let loaded = thread::scope(|scope| scope.spawn(load).join());
        let network = loaded.unwrap_or_else(|panic| Err(message(panic.as_ref())))?;
        let (requests, received) = channel::<Request>();
        let received = Arc::new(Mutex::new(received));
        let (threads, batch) = match network.0.on_cpu() {
            true => (cores(), BATCH_OF_CORE),
            false => (1, BATCH_OF_DEVICE),
        };
        for _ in 0..threads {
            let (network, received) = (Arc::clone(&network), Arc::clone(&received));
            thread::Builder::new()
                .name("spanql-rust-bert".to_owned())
                .spawn(move || serve(&network, &received))
                .map_err(|e| format!("cannot start a thread: {e}"))?;
        }
        Ok(Self { requests, batch })
    }

    /// As [`Network::guess`], for several batches at the same time.
    pub(super) fn guess(
        &self,
        batches: Vec<Vec<Vec<Input>>>,
    ) -> Result<Vec<Vec<Vec<Guess>>>, String> {
        let (reply, answers) = channel();
        let mut guesses: Vec<Guesses> =
            vec![Err("its threads have ended".to_owned()); batches.len()];
        for (number, batch) in batches.into_iter().enumerate() {
            // Threads that are gone are noticed by the answer that does not come.
            let _ = self.requests.send(Request {
                number,
                batch,
                reply: reply.clone(),
            });
        }
        drop(reply);
        for (number, answer) in answers {
            guesses[number] = answer;
        }
        guesses.into_iter().collect()
    }
}

fn serve(network: &Shared, requests: &Mutex<Receiver<Request>>) {
    tch::set_num_threads(1);
    loop {
        let request = requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(Request {
            number,
            batch,
            reply,
        }) = request
        else {
            return;
        };
        // A caller that has gone away needs no answer.
        let _ = reply.send((number, caught(|| network.0.guess(&batch))));
    }
}

fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(message(panic.as_ref())))
}

/// What a panic said. libtorch's own errors come with a list of its functions, which is left out.
fn message(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message");
    let brief = said
        .split(r"\nException raised from")
        .next()
        .unwrap_or(said);
    format!("rust-bert panicked: {brief}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let error =
            caught::<()>(|| panic!(r"index {} out of range\nException raised from x.cpp", 7));
        assert_eq!(
            error.unwrap_err(),
            "rust-bert panicked: index 7 out of range"
        );
    }
}
