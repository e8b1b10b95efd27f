//! [`Memory`]: what a recognizer keeps from text to text on one thread to be fast.

use std::any::Any;

/// A recognizer's own working state, such as a regex's lazily built automaton. It may change speed, never answers.
#[derive(Debug, Default)]
pub struct Memory(Option<Box<dyn Any + Send>>);

impl Memory {
    /// The state, made on first use.
    pub fn get_or_insert_with<T: Any + Send>(&mut self, make: impl FnOnce() -> T) -> &mut T {
        if !self.0.as_ref().is_some_and(|state| state.is::<T>()) {
            self.0 = None;
        }
        self.0
            .get_or_insert_with(|| Box::new(make()))
            .downcast_mut()
            .expect("the state was just checked, or made, to be of this type")
    }
}
