//! Reading and checking, on a thread of its own, ahead of what is written.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use appmixer_core::{User, UserId};
use appmixer_transfer::{ReadOptions, Reason, Records, Refusal, read_user};
use flate2::bufread::MultiGzDecoder;
use tokio::sync::mpsc;

use crate::failure::Failure;

/// Records that go through the channel together, and how many such may wait there.
const CHUNK: usize = 250;
const WAITING: usize = 16;

const BUFFER: usize = 256 * 1024;
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// A file that is read.
pub(super) struct Source {
    /// Its length, if it has one.
    pub(super) length: Option<u64>,
    /// How much of it has been read.
    pub(super) position: Arc<AtomicU64>,
    reader: Box<dyn BufRead + Send>,
}

/// Some records, read: the users to be taken, where each stood, and what was refused.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) users: Vec<User>,
    /// One for each user.
    pub(super) places: Vec<Place>,
    pub(super) refused: Vec<(u64, Box<Refusal>)>,
    /// Members that are not taken over, and how many records have each.
    pub(super) unknown: HashMap<String, u64>,
}

/// Where a user stood.
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) id: UserId,
    /// For the report, if there is to be one.
    pub(super) username: Option<String>,
    pub(super) is_locked: bool,
}

impl Chunk {
    pub(super) fn records(&self) -> usize {
        self.users.len() + self.refused.len()
    }

    pub(super) fn append(&mut self, other: Self) {
        self.users.extend(other.users);
        self.places.extend(other.places);
        self.refused.extend(other.refused);
        for (name, number) in other.unknown {
            *self.unknown.entry(name).or_default() += number;
        }
    }

    fn add(&mut self, line: u64, text: Result<Vec<u8>, Reason>, options: &ReadOptions, with_name: bool) {
        let unreadable = |reason| Box::new(Refusal { id: None, username: None, reason });
        match text.map_err(unreadable).and_then(|text| read_user(&text, options)) {
            Ok(read) => {
                let username = with_name.then(|| read.user.names.username.as_str().to_owned());
                self.places.push(Place { line, id: read.user.id, username, is_locked: read.is_locked });
                self.users.push(read.user);
                for name in read.unknown {
                    *self.unknown.entry(name).or_default() += 1;
                }
            }
            Err(refusal) => self.refused.push((line, refusal)),
        }
    }
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error| Failure::refused(format!("{} cannot be read: {error}", path.display()));
        let (file, length): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(unreadable)?;
            let metadata = file.metadata().map_err(unreadable)?;
            (Box::new(file), metadata.is_file().then_some(metadata.len()))
        };
        let position = Arc::new(AtomicU64::new(0));
        let mut file = BufReader::with_capacity(BUFFER, Counted { file, position: Arc::clone(&position) });
        let is_compressed = file.fill_buf().map_err(unreadable)?.starts_with(GZIP_MAGIC);
        let reader: Box<dyn BufRead + Send> = if is_compressed {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Self { length, position, reader })
    }

    /// Starts reading. An error is the last thing that comes.
    pub(super) fn read(
        self,
        options: ReadOptions,
        with_names: bool,
    ) -> Result<mpsc::Receiver<io::Result<Chunk>>, Failure> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let work = move || {
            let mut chunk = Chunk::default();
            for record in Records::new(self.reader) {
                match record {
                    Ok(record) => chunk.add(record.line, record.text, &options, with_names),
                    Err(error) => {
                        let _ = sender.blocking_send(Ok(chunk));
                        let _ = sender.blocking_send(Err(error));
                        return;
                    }
                }
                // Nobody listens any more when the import was stopped.
                if chunk.records() == CHUNK && sender.blocking_send(Ok(std::mem::take(&mut chunk))).is_err() {
                    return;
                }
            }
            let _ = sender.blocking_send(Ok(chunk));
        };
        thread::Builder::new().name("import-read".to_owned()).spawn(work)?;
        Ok(receiver)
    }
}

/// Counts what is read of a file.
struct Counted<R> {
    file: R,
    position: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.position.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}
