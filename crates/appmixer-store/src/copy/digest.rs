//! What a table has as one number of rows and one digest, the same in every database.

use std::fmt::Write as _;

use ring::digest::{Context, SHA256};

use super::tables::{Row, Value};

/// What was read of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over all of them in the order of their keys, in hexadecimal.
    pub sha256: String,
}

pub(super) struct Digest {
    context: Context,
    rows: u64,
}

impl Digest {
    pub(super) fn new() -> Self {
        Self { context: Context::new(&SHA256), rows: 0 }
    }

    pub(super) fn add(&mut self, rows: &[Row]) {
        for value in rows.iter().flatten() {
            self.value(value);
        }
        self.rows += rows.len() as u64;
    }

    /// With its type and length: what stands in one column cannot be taken for something in two.
    pub(super) fn value(&mut self, value: &Value) {
        let number;
        let (kind, bytes): (u8, &[u8]) = match value {
            Value::Null => (0, &[]),
            Value::Int(int) => {
                number = int.to_be_bytes();
                (1, &number)
            }
            Value::Text(text) => (2, text.as_bytes()),
            Value::Bytes(bytes) => (3, bytes),
        };
        self.context.update(&[kind]);
        self.context.update(&(bytes.len() as u64).to_be_bytes());
        self.context.update(bytes);
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.context.finish().as_ref().to_vec()
    }

    pub(super) fn sum(self) -> Sum {
        let rows = self.rows;
        let mut sha256 = String::with_capacity(64);
        for byte in self.bytes() {
            let _ = write!(sha256, "{byte:02x}");
        }
        Sum { rows, sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_between_columns_or_rows_or_types_changes_the_digest() {
        let text = |text: &str| Value::Text(text.to_owned());
        let rows: [&[Row]; 6] = [
            &[vec![text("ab"), text("c")]],
            &[vec![text("a"), text("bc")]],
            &[vec![text("a"), text("bc"), Value::Null]],
            &[vec![Value::Bytes(b"ab".to_vec()), text("c")]],
            &[vec![text("c"), text("ab")]],
            &[],
        ];
        let sums = rows.map(|rows| {
            let mut digest = Digest::new();
            digest.add(rows);
            digest.sum()
        });
        for (place, sum) in sums.iter().enumerate() {
            assert!(!sums[place + 1..].contains(sum), "{place}");
        }
    }
}
