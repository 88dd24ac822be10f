//! The memory that request bodies may take while they come in, all together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What each body may have without asking: enough for a sign-in, so that these are heard however many large bodies
/// are on their way. The number of connections bounds it.
const FREE_BYTES: usize = 4 * 1024;

/// Taken at once, so that a body asks a few times and not with each packet.
const STEP_BYTES: usize = 8 * 1024;

/// Room for the bodies of all requests, in bytes.
#[derive(Clone)]
pub(crate) struct BodyRoom(Arc<Semaphore>);

/// There is no more room.
#[derive(Debug)]
pub(crate) struct Full;

impl BodyRoom {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }
}

/// The bytes of one body, and the room that they take: free again when this goes.
pub(crate) struct RoomyBody {
    bytes: Vec<u8>,
    room: usize,
    taken: Option<OwnedSemaphorePermit>,
}

impl RoomyBody {
    /// It has no bytes yet.
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), room: FREE_BYTES, taken: None }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes in more, if there is room for it.
    pub(crate) fn push(&mut self, data: &[u8], all: &BodyRoom) -> Result<(), Full> {
        let wanted = self.bytes.len() + data.len();
        if wanted > self.room {
            let more = (wanted - self.room).next_multiple_of(STEP_BYTES);
            let permits = u32::try_from(more).map_err(|_| Full)?;
            let permit = Arc::clone(&all.0).try_acquire_many_owned(permits).map_err(|_| Full)?;
            match &mut self.taken {
                Some(taken) => taken.merge(permit),
                None => self.taken = Some(permit),
            }
            self.room += more;
            // No more than what was asked for: doubling would take room that nobody knows of.
            self.bytes.reserve_exact(self.room - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_bodies_need_no_room_and_large_ones_share_it() {
        let room = BodyRoom::new(2 * STEP_BYTES);
        let mut first = RoomyBody::new();
        first.push(&[0; FREE_BYTES + 1], &room).unwrap();
        assert_eq!(room.0.available_permits(), STEP_BYTES);
        first.push(&[0; STEP_BYTES], &room).unwrap();
        assert_eq!(room.0.available_permits(), 0);
        let mut second = RoomyBody::new();
        second.push(&[0; FREE_BYTES], &room).unwrap();
        assert!(second.push(&[0], &room).is_err());
        drop(first);
        second.push(&[0], &room).unwrap();
        drop(second);
        assert_eq!(room.0.available_permits(), 2 * STEP_BYTES);
    }
}
