//! How are texts that occur often said only once? Each is named by its number in a list.

use std::collections::HashMap;

use serde_json::{Value, json};

/// Texts, each said once.
#[derive(Debug, Default)]
pub(super) struct Words {
    list: Vec<String>,
    numbers: HashMap<String, usize>,
    bytes: usize,
}

impl Words {
    /// The number of this text.
    pub(super) fn number(&mut self, word: &str) -> usize {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.list.len();
        self.bytes += bytes_of(word);
        self.numbers.insert(word.to_owned(), number);
        self.list.push(word.to_owned());
        number
    }

    /// The number of this text, if there is one.
    pub(super) fn maybe(&mut self, word: Option<&String>) -> Option<usize> {
        word.map(|word| self.number(word))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Forgets all but the first so many.
    pub(super) fn shorten(&mut self, count: usize) {
        for word in self.list.drain(count..) {
            self.bytes -= bytes_of(&word);
            self.numbers.remove(&word);
        }
    }

    /// How much room the list takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The list, in the order of the numbers.
    pub(super) fn list(self) -> Value {
        json!(self.list)
    }
}

/// A word as it stands in the page, and the comma behind it.
fn bytes_of(word: &str) -> usize {
    super::for_a_script(&json!(word)).len() + 1
}
