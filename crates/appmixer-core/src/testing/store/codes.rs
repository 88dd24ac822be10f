//! The codes for forgotten passwords and the codes that confirm an address, in memory.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::audit::Beside;
use crate::confirm::{ConfirmationCodes, MAX_CONFIRMATION_CODES};
use crate::id::UserId;
use crate::name::LoginName;
use crate::outbox::{NewCode, ResetCodes};
use crate::password::PasswordHash;
use crate::reset_code::{CodeDigest, MAX_RESET_CODES};
use crate::store::{Change, StoreError, WriteError};
use crate::time::Timestamp;
use crate::user::{User, UserChange};

#[derive(Default)]
pub(super) struct Codes(HashMap<CodeDigest, Kept>);

struct Kept {
    /// None for a name that is no user's.
    user: Option<UserId>,
    expires: Timestamp,
}

impl Codes {
    /// Keeps a code; returns those that end, because they have expired or there are more than `most`.
    fn insert(&mut self, user: Option<UserId>, code: &NewCode, most: u32) -> Vec<CodeDigest> {
        self.0.insert(code.digest, Kept { user, expires: code.expires });
        let mut of_user: Vec<_> = self
            .0
            .iter()
            .filter(|(_, kept)| kept.user == user)
            .map(|(digest, kept)| (kept.expires, *digest))
            .collect();
        of_user.sort_unstable_by_key(|(expires, digest)| (*expires, *digest.as_bytes()));
        let surplus = of_user.len().saturating_sub(most as usize);
        let expired =
            self.0.iter().filter(|(_, kept)| kept.expires <= code.created).map(|(digest, _)| *digest);
        let ended: Vec<_> = expired.chain(of_user[..surplus].iter().map(|(_, digest)| *digest)).collect();
        self.0.retain(|digest, _| !ended.contains(digest));
        ended
    }

    /// Ends all codes of a user, and returns them.
    fn end(&mut self, user: UserId) -> Vec<CodeDigest> {
        let ended: Vec<_> =
            self.0.iter().filter(|(_, kept)| kept.user == Some(user)).map(|(digest, _)| *digest).collect();
        self.0.retain(|digest, _| !ended.contains(digest));
        ended
    }

    fn owner(&self, code: CodeDigest, now: Timestamp) -> Option<UserId> {
        self.0.get(&code).filter(|kept| kept.expires > now).and_then(|kept| kept.user)
    }
}

impl State {
    fn keep_reset(&mut self, user: Option<UserId>, code: NewCode) {
        let ended = self.reset_codes.insert(user, &code, MAX_RESET_CODES);
        self.carry(code, &ended);
    }

    pub(super) fn keep_confirmation(&mut self, user: Option<UserId>, code: NewCode) {
        let ended = self.confirmation_codes.insert(user, &code, MAX_CONFIRMATION_CODES);
        self.carry(code, &ended);
    }

    /// Keeps the messages of a code, and removes those of codes that have ended.
    fn carry(&mut self, code: NewCode, ended: &[CodeDigest]) {
        for message in code.messages {
            self.messages.insert(message, Some(code.digest));
        }
        for digest in ended {
            self.messages.remove_with(*digest);
        }
    }

    pub(super) fn end_reset_codes(&mut self, user: UserId) {
        self.reset_codes.end(user).into_iter().for_each(|digest| self.messages.remove_with(digest));
    }

    pub(super) fn end_confirmation_codes(&mut self, user: UserId) {
        self.confirmation_codes.end(user).into_iter().for_each(|digest| self.messages.remove_with(digest));
    }

    fn owner_of_reset_code(&self, code: CodeDigest, now: Timestamp) -> Option<User> {
        self.reset_codes.owner(code, now).and_then(|id| self.everyone.by_id(id)).cloned()
    }

    fn owner_of_confirmation_code(&self, code: CodeDigest, now: Timestamp) -> Option<User> {
        let owner = self.confirmation_codes.owner(code, now).and_then(|id| self.everyone.by_id(id));
        owner.filter(|user| user.confirmation_pending).cloned()
    }
}

/// Names the user in the entry of a code that was asked for.
fn about(mut beside: Beside, user: Option<UserId>) -> Beside {
    if let Some(entry) = &mut beside.audit {
        entry.user = user;
    }
    beside
}

#[async_trait]
impl ResetCodes for MemoryStore {
    async fn keep_reset_code(
        &self,
        name: LoginName,
        code: NewCode,
        beside: Beside,
    ) -> Result<(), StoreError> {
        self.write(|state| {
            let owner = state.everyone.by_login(&name).map(|user| user.id);
            state.keep_reset(owner, code);
            state.keep(about(beside, owner));
            Ok(((), None))
        })
    }

    async fn find_by_reset_code(&self, code: CodeDigest, now: Timestamp) -> Result<Option<User>, StoreError> {
        Ok(self.read()?.owner_of_reset_code(code, now))
    }

    async fn redeem_reset_code(
        &self,
        code: CodeDigest,
        new: PasswordHash,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.write(|state| {
            let user = state.owner_of_reset_code(code, now).ok_or(WriteError::NotFound)?;
            let change =
                UserChange { password_hash: Some(new), confirm_address: true, ..UserChange::default() };
            let changed = state.update(user.id, &change, now, beside)?;
            Ok((changed, Some(Change::User(user.id))))
        })
    }
}

#[async_trait]
impl ConfirmationCodes for MemoryStore {
    async fn store_confirmation_code(
        &self,
        name: LoginName,
        code: NewCode,
        beside: Beside,
    ) -> Result<(), StoreError> {
        self.write(|state| {
            let owner = state.everyone.by_login(&name).filter(|user| user.confirmation_pending);
            let owner = owner.map(|user| user.id);
            state.keep_confirmation(owner, code);
            state.keep(about(beside, owner));
            Ok(((), None))
        })
    }

    async fn find_by_confirmation_code(
        &self,
        code: CodeDigest,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        Ok(self.read()?.owner_of_confirmation_code(code, now))
    }

    async fn redeem_confirmation_code(
        &self,
        code: CodeDigest,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.write(|state| {
            let user = state.owner_of_confirmation_code(code, now).ok_or(WriteError::NotFound)?;
            let change = UserChange { confirm_address: true, ..UserChange::default() };
            let changed = state.update(user.id, &change, now, beside)?;
            Ok((changed, Some(Change::User(user.id))))
        })
    }
}
