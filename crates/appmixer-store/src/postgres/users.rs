//! The users.

use appmixer_core::{
    Beside, Change, Existing, Imported, LoginName, OtherAdmin, PasswordHash, Sort, StoreError, Stretch,
    TICKET_LIFETIME, Ticket, Timestamp, Turn, User, UserChange, UserId, UserPage, UserQuery, Users,
    WriteError,
};
use async_trait::async_trait;

use super::db::{Db, Outcome, Params};
use super::error::Stop;
use super::rows::{self, Columns, columns};
use super::sql::statements;
use super::{PostgresStore, beside, confirmation_codes, counting, import, index, search, spellings};

statements! {
    FIND_BY_ID = concat!("SELECT ", columns!(), " FROM users WHERE id = $1"), [BYTEA];
    FIND_BY_ID_TO_CHANGE = concat!("SELECT ", columns!(), " FROM users WHERE id = $1 FOR UPDATE"), [BYTEA];
    FIND_BY_LOGIN = concat!(
        "SELECT ", columns!(), " FROM names JOIN users ON users.number = names.user_number \
         WHERE names.folded = $1"
    ), [TEXT];
    LIST = concat!("SELECT ", columns!(), " FROM users WHERE id > $1 ORDER BY id LIMIT $2"), [BYTEA, INT8];
    INSERT_USERS = "INSERT INTO users (id, username, email, password_hash, scope, plan, is_active, vendor, \
         allowed_private_components, phone_number, title, metadata, created, modified, generation, \
         confirmation_pending, address_vouched) \
         SELECT * FROM UNNEST($1::BYTEA[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], \
         $7::BOOLEAN[], $8::TEXT[], $9::TEXT[], $10::TEXT[], $11::TEXT[], $12::TEXT[], $13::BIGINT[], \
         $14::BIGINT[], $15::BIGINT[], $16::BOOLEAN[], $17::BOOLEAN[]) RETURNING number, id",
        [BYTEA_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, BOOL_ARRAY, TEXT_ARRAY,
         TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, BOOL_ARRAY, BOOL_ARRAY];
    UPDATE_USER = "UPDATE users SET username = $2, email = $3, password_hash = $4, scope = $5, plan = $6, \
         is_active = $7, vendor = $8, allowed_private_components = $9, phone_number = $10, title = $11, \
         metadata = $12, created = $13, modified = $14, generation = $15, \
         confirmation_pending = $16, address_vouched = $17 WHERE id = $1",
        [BYTEA, TEXT, TEXT, TEXT, TEXT, TEXT, BOOL, TEXT, TEXT, TEXT, TEXT, TEXT, INT8, INT8, INT8, BOOL, BOOL];
    DELETE_CODES = "DELETE FROM reset_codes WHERE user_number = $1", [INT8];
    DELETE_USER = "DELETE FROM users WHERE number = $1", [INT8];
    INSERT_TICKET = "INSERT INTO deletions (ticket, user_id, deleted) VALUES ($1, $2, $3)", [BYTEA, BYTEA, INT8];
    FIND_TICKET = "SELECT 1 FROM deletions WHERE ticket = $1 AND user_id = $2 AND deleted > $3",
        [BYTEA, BYTEA, INT8];
    FORGET_TICKETS = "DELETE FROM deletions WHERE ticket IN (SELECT ticket FROM deletions WHERE deleted <= $1 \
         ORDER BY deleted LIMIT 100 FOR UPDATE SKIP LOCKED)", [INT8];
    REPLACE_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        [BYTEA, TEXT, TEXT];
}

#[async_trait]
impl Users for PostgresStore {
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.db.read(|db| Box::pin(find_by_id(db, id))).await
    }

    async fn find_by_login(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        self.db
            .read(|db| {
                Box::pin(async move {
                    let found = db.optional(&FIND_BY_LOGIN, &[&name.folded()]).await?;
                    found.as_ref().map(rows::user).transpose()
                })
            })
            .await
    }

    async fn any_admin(&self) -> Result<bool, StoreError> {
        self.db.read(|db| Box::pin(async move { Ok(index::any_admin(db).await?) })).await
    }

    async fn list(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        // Every id comes after the empty one.
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        self.db
            .read(|db| {
                Box::pin(async move {
                    let found = db.all(&LIST, &[&after, &i64::from(limit)]).await?;
                    found.iter().map(rows::user).collect()
                })
            })
            .await
    }

    async fn search(&self, query: UserQuery, sort: Sort, stretch: Stretch) -> Result<UserPage, StoreError> {
        let _one_of_few = self.searches.acquire().await;
        self.db.read_one_moment(|db| Box::pin(search::page(db, &query, sort, stretch))).await
    }

    async fn count(&self, query: UserQuery) -> Result<u64, StoreError> {
        let _one_of_few = self.searches.acquire().await;
        self.db.read_one_moment(|db| Box::pin(search::count(db, &query))).await
    }

    async fn insert(&self, user: User, beside: Beside) -> Result<(), WriteError> {
        let (user, beside) = (std::slice::from_ref(&user), &beside);
        self.db.write(|db| Box::pin(insert(db, user, beside))).await
    }

    async fn insert_first_administrator(&self, user: User, beside: Beside) -> Result<bool, WriteError> {
        let (user, beside) = (std::slice::from_ref(&user), &beside);
        self.db
            .write(|db| {
                Box::pin(async move {
                    if !index::no_admin_yet(db).await? {
                        return Ok((false, None));
                    }
                    insert(db, user, beside).await.map(|((), change)| (true, change))
                })
            })
            .await
    }

    async fn import(
        &self,
        users: Vec<User>,
        existing: Existing,
        now: Timestamp,
        beside: Beside,
    ) -> Result<Vec<Imported>, StoreError> {
        match self.db.write_much(|db| Box::pin(import::all_new(db, &users, &beside))).await {
            Ok(outcomes) => {
                counting::keep_up(&self.db).await;
                Ok(outcomes)
            }
            Err(WriteError::Store(error)) => Err(error),
            Err(_) => {
                self.db.write_much(|db| Box::pin(import::import(db, &users, existing, now, &beside))).await
            }
        }
    }

    async fn settle_import(&self, _: u64, _: bool, _: Turn) -> Result<bool, StoreError> {
        // The server does so by itself.
        Ok(false)
    }

    async fn check_import(&self, users: Vec<User>, existing: Existing) -> Result<Vec<Imported>, StoreError> {
        self.db.read_one_moment(|db| Box::pin(import::check(db, &users, existing))).await
    }

    async fn update(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.db.write(|db| Box::pin(update(db, id, &change, now, &beside))).await
    }

    async fn replace_hash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        let (old, new) = (&old, &new);
        self.db
            .write(|db| {
                Box::pin(async move {
                    let params: Params<'_> = &[&&id.as_bytes()[..], &old.as_phc(), &new.as_phc()];
                    let replaced = db.run(&REPLACE_HASH, params).await? > 0;
                    Ok((replaced, replaced.then_some(Change::User(id))))
                })
            })
            .await
    }

    async fn delete(
        &self,
        id: UserId,
        ticket: Ticket,
        require_active: bool,
        now: Timestamp,
        beside: Beside,
    ) -> Result<(), WriteError> {
        self.db.write(|db| Box::pin(delete(db, id, ticket, require_active, now, &beside))).await
    }

    async fn was_deleted(&self, id: UserId, ticket: Ticket, now: Timestamp) -> Result<bool, StoreError> {
        let oldest = now.before(TICKET_LIFETIME).millis();
        self.db
            .read(|db| {
                Box::pin(async move {
                    let params: Params<'_> = &[&&ticket.as_bytes()[..], &&id.as_bytes()[..], &oldest];
                    Ok(db.optional(&FIND_TICKET, params).await?.is_some())
                })
            })
            .await
    }
}

pub(super) async fn find_by_id(db: Db<'_>, id: UserId) -> Result<Option<User>, Stop<StoreError>> {
    let found = db.optional(&FIND_BY_ID, &[&&id.as_bytes()[..]]).await?;
    found.as_ref().map(rows::user).transpose()
}

/// The user with its number. It stays as it is until this transaction has ended.
pub(super) async fn find_to_change(db: Db<'_>, id: UserId) -> Result<Option<(i64, User)>, Stop<StoreError>> {
    let Some(row) = db.optional(&FIND_BY_ID_TO_CHANGE, &[&&id.as_bytes()[..]]).await? else {
        return Ok(None);
    };
    Ok(Some((rows::number(&row)?, rows::user(&row)?)))
}

async fn insert(db: Db<'_>, user: &[User], beside: &Beside) -> Result<Outcome<()>, Stop<WriteError>> {
    for user in user {
        spellings::require_free(db, &user.names, user.id).await?;
    }
    let numbers = insert_all(db, user).await?;
    if let (Some(code), [number], [user]) = (&beside.confirmation, numbers.as_slice(), user)
        && user.confirmation_pending
    {
        confirmation_codes::insert(db, Some(*number), code).await?;
    }
    beside::keep(db, beside).await?;
    // Nobody can remember anything of a user who has just been made.
    Ok(((), None))
}

/// Writes new users; answers with their numbers, in the same order.
pub(super) async fn insert_all(db: Db<'_>, users: &[User]) -> Result<Vec<i64>, Stop<WriteError>> {
    let columns = Columns::of(users)?;
    let inserted = db.all(&INSERT_USERS, &columns.params()).await?;
    let mut numbers = std::collections::HashMap::with_capacity(users.len());
    for row in &inserted {
        numbers.insert(rows::id(row, 1)?, row.try_get::<_, i64>(0)?);
    }
    let numbered = |user: &'_ User| {
        let missing = || StoreError::Internal("a user was inserted without a number".to_owned());
        numbers.get(user.id.as_bytes()).copied().ok_or_else(missing)
    };
    let users =
        users.iter().map(|user| Ok((numbered(user)?, user))).collect::<Result<Vec<_>, StoreError>>()?;
    index::add(db, &users).await?;
    Ok(users.into_iter().map(|(number, _)| number).collect())
}

pub(super) async fn update(
    db: Db<'_>,
    id: UserId,
    change: &UserChange,
    now: Timestamp,
    beside: &Beside,
) -> Result<Outcome<User>, Stop<WriteError>> {
    let (number, user) = find_to_change(db, id).await?.ok_or(WriteError::NotFound)?;
    if change.only_at_generation.is_some_and(|generation| generation != user.generation) {
        return Err(WriteError::Overtaken.into());
    }
    let changed = user.changed(change, now);
    require_other_admin(db, user.other_admin_needed(Some(&changed), change.require_active)).await?;
    if user.names != changed.names {
        spellings::require_free(db, &changed.names, id).await?;
    }
    replace(db, number, &user, &changed).await?;
    let needs_code = changed.confirmation_pending && user.ends_confirmation_codes_in(&changed);
    if let Some(code) = beside.confirmation.as_ref().filter(|_| needs_code) {
        confirmation_codes::insert(db, Some(number), code).await?;
    }
    beside::keep_of_change(db, beside, &user, &changed).await?;
    Ok((changed, Some(Change::User(id))))
}

/// Writes what a user has become.
pub(super) async fn replace(
    db: Db<'_>,
    number: i64,
    user: &User,
    changed: &User,
) -> Result<(), Stop<WriteError>> {
    let columns = Columns::of(std::slice::from_ref(changed))?;
    db.run(&UPDATE_USER, &columns.first()).await?;
    if user.ends_reset_codes_in(changed) {
        db.run(&DELETE_CODES, &[&number]).await?;
    }
    if user.ends_confirmation_codes_in(changed) {
        confirmation_codes::end(db, number).await?;
    }
    index::change(db, number, user, changed).await
}

/// An administrator stops being one, or being active.
async fn require_other_admin(db: Db<'_>, needed: Option<OtherAdmin>) -> Result<(), Stop<WriteError>> {
    match needed {
        Some(needed) if !index::other_admin_stays(db, needed).await? => Err(WriteError::LastAdmin.into()),
        _ => Ok(()),
    }
}

async fn delete(
    db: Db<'_>,
    id: UserId,
    ticket: Ticket,
    require_active: bool,
    now: Timestamp,
    beside: &Beside,
) -> Result<Outcome<()>, Stop<WriteError>> {
    let (number, user) = find_to_change(db, id).await?.ok_or(WriteError::NotFound)?;
    require_other_admin(db, user.other_admin_needed(None, require_active)).await?;
    index::remove(db, number, &user).await?;
    db.run(&DELETE_USER, &[&number]).await?;
    db.run(&FORGET_TICKETS, &[&now.before(TICKET_LIFETIME).millis()]).await?;
    let params: Params<'_> = &[&&ticket.as_bytes()[..], &&id.as_bytes()[..], &now.millis()];
    db.run(&INSERT_TICKET, params).await?;
    beside::keep(db, beside).await?;
    Ok(((), Some(Change::User(id))))
}
