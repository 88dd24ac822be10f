//! Cutting a file into records, one at a time, and going on behind a broken one.
//!
//! With an object a line, the next line is the next record whatever this one holds. Where objects stand in an
//! array, or spread over lines, their ends are found by counting braces, which one missing quote throws off
//! for good. So a piece that turns out to be no JSON is looked through for the places where our own form or
//! `mongoexport` would begin a record, and cut there.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use serde::de::IgnoredAny;

use crate::Reason;

/// The longest record, in bytes. A user has a tenth of that at most.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// One record of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// The line in which it begins; the first is 1.
    pub line: u64,
    /// Its text, or why there is none.
    pub text: Result<Vec<u8>, Reason>,
}

/// The records of a file: an iterator.
pub struct Records<R> {
    input: Input<R>,
    layout: Option<Layout>,
    /// What a broken piece was cut into.
    found: VecDeque<Record>,
    array: Array,
}

/// How the file is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Lines,
    Stream,
}

/// Where in an array a stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Array {
    Not,
    Open,
    Over,
}

impl<R: BufRead> Records<R> {
    /// The records of this file.
    pub fn new(input: R) -> Self {
        let input = Input { file: input, pushed: Vec::new(), at: 0, line: 1 };
        Self { input, layout: None, found: VecDeque::new(), array: Array::Not }
    }

    fn next_record(&mut self) -> io::Result<Option<Record>> {
        if let Some(record) = self.found.pop_front() {
            return Ok(Some(record));
        }
        let layout = match self.layout {
            Some(layout) => layout,
            None => self.recognise()?,
        };
        self.layout = Some(layout);
        match layout {
            Layout::Lines => self.next_line(),
            Layout::Stream => self.next_of_stream(),
        }
    }

    /// An array, or an object whose first line ends behind its brace, is a stream.
    fn recognise(&mut self) -> io::Result<Layout> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        if self.input.gather(BYTE_ORDER_MARK.len())?.starts_with(BYTE_ORDER_MARK) {
            self.input.consume(BYTE_ORDER_MARK.len());
        }
        let first = self.input.skip(u8::is_ascii_whitespace)?;
        let text = self.input.gather(64)?;
        let behind = text.iter().skip(1).find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        let is_stream = first == Some(b'[') || first == Some(b'{') && behind == Some(&b'\n');
        Ok(if is_stream { Layout::Stream } else { Layout::Lines })
    }

    fn next_line(&mut self) -> io::Result<Option<Record>> {
        if self.input.skip(u8::is_ascii_whitespace)?.is_none() {
            return Ok(None);
        }
        let line = self.input.line;
        let mut text = Vec::new();
        let mut too_long = false;
        loop {
            let bytes = self.input.fill()?;
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if bytes.is_empty() {
                break;
            }
            too_long |= text.len() + part.len() > MAX_RECORD_BYTES;
            if too_long {
                text = Vec::new();
            } else {
                text.extend_from_slice(part);
            }
            let length = part.len();
            self.input.consume(length);
            if end.is_some() {
                break;
            }
        }
        Ok(Some(Record { line, text: if too_long { Err(Reason::TooLong) } else { Ok(text) } }))
    }

    fn next_of_stream(&mut self) -> io::Result<Option<Record>> {
        loop {
            let Some(byte) = self.input.skip(|byte| byte.is_ascii_whitespace() || *byte == b',')? else {
                let cut_off = self.array == Array::Open;
                self.array = Array::Over;
                let line = self.input.line;
                return Ok(cut_off.then_some(Record { line, text: Err(Reason::CutOff) }));
            };
            match (byte, self.array) {
                (b'[', Array::Not) => self.array = Array::Open,
                (b']', Array::Open) => self.array = Array::Over,
                (b'{', _) => return self.object().map(Some),
                _ => return self.rubbish().map(Some),
            }
            self.input.consume(1);
        }
    }

    /// What stands between objects and should not.
    fn rubbish(&mut self) -> io::Result<Record> {
        let line = self.input.line;
        // One byte at least, which may be a brace that is out of place.
        self.input.consume(1);
        self.input.skip(|byte| !matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b'\n'))?;
        Ok(Record { line, text: Err(Reason::NoObject) })
    }

    /// The object that begins here.
    fn object(&mut self) -> io::Result<Record> {
        let line = self.input.line;
        let (mut text, mut text_line) = (Vec::new(), line);
        let mut braces = Braces::default();
        let mut too_long = false;
        loop {
            let bytes = self.input.fill()?;
            if bytes.is_empty() {
                let reason = if too_long { Reason::TooLong } else { Reason::CutOff };
                return Ok(self.cut(line, text_line, &text, reason));
            }
            let end = bytes.iter().position(|&byte| braces.end_at(byte));
            let length = end.map_or(bytes.len(), |end| end + 1);
            text.extend_from_slice(&bytes[..length]);
            self.input.consume(length);
            too_long |= text.len() > MAX_RECORD_BYTES;
            if end.is_some() {
                break;
            }
            if text.len() > MAX_RECORD_BYTES {
                if beginnings(&text).next().is_some() {
                    return Ok(self.cut(line, text_line, &text, Reason::TooLong));
                }
                // What was seen of it is let go; the braces go on counting.
                text.clear();
                text_line = self.input.line;
            }
        }
        if too_long {
            return Ok(Record { line, text: Err(Reason::TooLong) });
        }
        Ok(match valid(text) {
            Ok(text) => Record { line, text: Ok(text) },
            Err((text, reason)) => self.cut(line, text_line, &text, reason),
        })
    }

    /// Goes on behind a broken piece: at the first place within it where a record begins, or behind all of it.
    fn cut(&mut self, line: u64, text_line: u64, text: &[u8], reason: Reason) -> Record {
        let mut begins = beginnings(text).peekable();
        let Some(&first) = begins.peek() else {
            return Record { line, text: Err(reason) };
        };
        let mut at_line = text_line + newlines(&text[..first]);
        while let Some(begin) = begins.next() {
            let Some(&next) = begins.peek() else {
                // Where the last one ends is not known yet.
                self.input.push_back(&text[begin..], at_line);
                break;
            };
            let piece = &text[begin..next];
            let trimmed = piece.trim_ascii_end();
            let trimmed = trimmed.strip_suffix(b",").unwrap_or(trimmed);
            let text = valid(trimmed.to_vec()).map_err(|(_, reason)| reason);
            self.found.push_back(Record { line: at_line, text });
            at_line += newlines(piece);
        }
        Record { line, text: Err(Reason::NotJson("its braces and quotes do not match".to_owned())) }
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_record().transpose()
    }
}

fn valid(text: Vec<u8>) -> Result<Vec<u8>, (Vec<u8>, Reason)> {
    match serde_json::from_slice::<IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err((text, crate::read::no_json(&error))),
    }
}

fn newlines(text: &[u8]) -> u64 {
    text.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}

/// Where records begin within a text, as far as that can be seen: at an object whose first member is an id,
/// behind the end of another object. The text's own beginning is none of them.
fn beginnings(text: &[u8]) -> impl Iterator<Item = usize> {
    let begins = move |&at: &usize| {
        let before = text[..at].trim_ascii_end();
        let before = before.strip_suffix(b",").map_or(before, <[u8]>::trim_ascii_end);
        let after = text[at + 1..].trim_ascii_start();
        before.ends_with(b"}") && (after.starts_with(b"\"_id\"") || after.starts_with(b"\"id\""))
    };
    (1..text.len()).filter(|&at| text[at] == b'{').filter(begins)
}

/// Counts braces outside of texts.
#[derive(Default)]
struct Braces {
    depth: u64,
    in_text: bool,
    escaped: bool,
}

impl Braces {
    /// Whether this byte, the next one, ends the object.
    fn end_at(&mut self, byte: u8) -> bool {
        match (self.in_text, byte) {
            (true, _) if self.escaped => self.escaped = false,
            (true, b'\\') => self.escaped = true,
            (_, b'"') => self.in_text = !self.in_text,
            (false, b'{') => self.depth += 1,
            (false, b'}') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        byte == b'}' && !self.in_text && self.depth == 0
    }
}

/// The file, with what was put back in front of it, and the line that comes next.
struct Input<R> {
    file: R,
    pushed: Vec<u8>,
    at: usize,
    line: u64,
}

impl<R: BufRead> Input<R> {
    /// What comes next, as far as it is at hand; nothing at the end.
    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.at < self.pushed.len() {
            return Ok(&self.pushed[self.at..]);
        }
        loop {
            match self.file.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(_) => break,
            }
        }
        // Read already: asking again is the same answer, and satisfies the borrow checker.
        self.file.fill_buf()
    }

    /// Goes on by so many of the bytes at hand.
    fn consume(&mut self, length: usize) {
        if self.at < self.pushed.len() {
            self.line += newlines(&self.pushed[self.at..self.at + length]);
            self.at += length;
        } else if let Ok(bytes) = self.file.fill_buf() {
            self.line += newlines(&bytes[..length]);
            self.file.consume(length);
        }
    }

    /// Skips such bytes; the first other one, if there is one.
    fn skip(&mut self, skipped: impl Fn(&u8) -> bool) -> io::Result<Option<u8>> {
        loop {
            let bytes = self.fill()?;
            let (length, next) = match bytes.iter().position(|byte| !skipped(byte)) {
                Some(at) => (at, Some(bytes[at])),
                None => (bytes.len(), None),
            };
            let at_end = bytes.is_empty();
            self.consume(length);
            if next.is_some() || at_end {
                return Ok(next);
            }
        }
    }

    /// So many bytes at once, or fewer at the end.
    fn gather(&mut self, length: usize) -> io::Result<&[u8]> {
        let (mut gathered, line) = (Vec::new(), self.line);
        while gathered.len() < length {
            let bytes = self.fill()?;
            if bytes.is_empty() {
                break;
            }
            let part = bytes.len();
            gathered.extend_from_slice(bytes);
            self.consume(part);
        }
        self.push_back(&gathered, line);
        Ok(&self.pushed)
    }

    /// Puts a text back in front of the rest; it begins in this line.
    fn push_back(&mut self, text: &[u8], line: u64) {
        let mut pushed = text.to_vec();
        pushed.extend_from_slice(&self.pushed[self.at..]);
        (self.pushed, self.at, self.line) = (pushed, 0, line);
    }
}

#[cfg(test)]
mod tests;
