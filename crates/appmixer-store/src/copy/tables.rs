//! What a database holds, table by table, in the order in which it can be written.
//!
//! Not in here is what is made of the users again as they are written (the facets, the counts, the blocks of lists and
//! the text index), and what nodes tell each other for a while (`changes`, `change_shards`,
//! `news`). The audit log's last number, which
//! SQLite keeps in `sqlite_sequence` and PostgreSQL in `turns`, goes over apart, and the entries of `audit_arrivals` are
//! read as the end of the log.

use appmixer_core::{StoreError, User};

use crate::kept::user::UserRow;

/// What a column holds. Truth values count as numbers, 0 or 1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Bool,
    Text,
    Bytes,
}

pub(crate) struct Column {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
    pub(crate) kind: Kind,
}

pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// What is in it, for people.
    pub(crate) what: &'static str,
    /// The first is the key, by which rows are in order.
    pub(crate) columns: &'static [Column],
}

impl Table {
    /// A column's place.
    fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.sqlite == column)
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

pub(crate) type Row = Vec<Value>;

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { sqlite: name, postgres: name, kind }
}

/// A column whose name is a reserved word in PostgreSQL.
const fn named(sqlite: &'static str, postgres: &'static str, kind: Kind) -> Column {
    Column { sqlite, postgres, kind }
}

macro_rules! columns {
    ($($name:literal $(= $postgres:literal)? : $kind:ident),* $(,)?) => {
        &[$(columns!(@one $name $(= $postgres)? : $kind)),*]
    };
    (@one $name:literal : $kind:ident) => { column($name, Kind::$kind) };
    (@one $name:literal = $postgres:literal : $kind:ident) => { named($name, $postgres, Kind::$kind) };
}

pub(crate) static USERS: Table = Table {
    name: "users",
    what: "users",
    columns: columns![
        "number": Int, "id": Bytes, "username": Text, "email": Text, "password_hash": Text, "scope": Text,
        "plan": Text, "is_active": Bool, "vendor": Text, "allowed_private_components": Text, "phone_number": Text,
        "title": Text, "metadata": Text, "created": Int, "modified": Int, "generation": Int,
        "confirmation_pending": Bool, "address_vouched": Bool,
    ],
};

/// The users' names, which are written with them, and read to be compared.
pub(crate) static NAMES: Table = Table {
    name: "names",
    what: "names of users",
    columns: columns!["folded": Text, "user" = "user_number": Int, "is_username": Bool, "is_email": Bool],
};

static DELETIONS: Table = Table {
    name: "deletions",
    what: "tickets of deletions",
    columns: columns!["ticket": Bytes, "user" = "user_id": Bytes, "deleted": Int],
};

pub(crate) static CONFIG: Table =
    Table { name: "config", what: "configuration entries", columns: columns!["key": Text, "value": Text] };

pub(crate) static ACCESS_RULES: Table = Table {
    name: "access_rules",
    what: "types of access rules",
    columns: columns!["type": Text, "rules": Text],
};

static RESET_CODES: Table = Table {
    name: "reset_codes",
    what: "reset codes",
    columns: columns!["digest": Bytes, "user" = "user_number": Int, "generation": Int, "expires": Int],
};

static CONFIRMATION_CODES: Table = Table {
    name: "confirmation_codes",
    what: "confirmation codes",
    columns: columns!["digest": Bytes, "user" = "user_number": Int, "created": Int, "expires": Int],
};

pub(crate) static OUTBOX: Table = Table {
    name: "outbox",
    what: "messages that wait",
    columns: columns![
        "id": Bytes, "channel": Text, "payload": Text, "code": Bytes, "created": Int, "expires": Int, "due": Int,
        "attempts": Int, "error": Text, "confirmation_code": Bytes,
    ],
};

pub(crate) static AUDIT: Table = Table {
    name: "audit",
    what: "entries of the audit log",
    columns: columns![
        "id": Int, "time": Int, "kind": Text, "actor": Bytes, "uid": Int, "address": Text, "user" = "subject": Bytes,
        "details": Text,
    ],
};

static DAILY_COUNTS: Table = Table {
    name: "daily_counts",
    what: "numbers of days",
    columns: columns!["id": Int, "day": Int, "kind": Text, "number": Int],
};

pub(crate) static SIGNING_KEYS: Table = Table {
    name: "signing_keys",
    what: "signing keys",
    columns: columns![
        "number": Int, "id": Text, "algorithm": Text, "sealed": Bytes, "created": Int, "activates": Int, "ends": Int,
        "lifetime": Int,
    ],
};

/// What is written, in this order: what refers to something comes behind it.
pub(crate) static WRITTEN: [&Table; 10] = [
    &USERS,
    &DELETIONS,
    &CONFIG,
    &ACCESS_RULES,
    &RESET_CODES,
    &CONFIRMATION_CODES,
    &OUTBOX,
    &AUDIT,
    &DAILY_COUNTS,
    &SIGNING_KEYS,
];

/// A row of [`USERS`] as the user that it is; and its number.
pub(crate) fn user(row: &[Value]) -> Result<(i64, User), StoreError> {
    let value = |name: &'static str| {
        let value = USERS.place(name).and_then(|place| row.get(place));
        value.ok_or_else(|| StoreError::Internal(format!("users, {name}: was not read")))
    };
    let damaged = |name: &'static str| StoreError::Corrupt(format!("users, {name}: of another type"));
    let int = |name| match value(name)? {
        Value::Int(number) => Ok(*number),
        _ => Err(damaged(name)),
    };
    let optional = |name| match value(name)? {
        Value::Text(text) => Ok(Some(text.clone())),
        Value::Null => Ok(None),
        _ => Err(damaged(name)),
    };
    let text = |name| optional(name)?.ok_or_else(|| damaged(name));
    let Value::Bytes(id) = value("id")? else { return Err(damaged("id")) };
    let row = UserRow {
        id: id.as_slice().try_into().map_err(|_| damaged("id"))?,
        username: text("username")?,
        email: text("email")?,
        password_hash: text("password_hash")?,
        scope: text("scope")?,
        plan: text("plan")?,
        is_active: int("is_active")? != 0,
        vendor: optional("vendor")?,
        allowed_private_components: text("allowed_private_components")?,
        phone_number: optional("phone_number")?,
        title: optional("title")?,
        metadata: text("metadata")?,
        created: int("created")?,
        modified: int("modified")?,
        generation: u32::try_from(int("generation")?).map_err(|_| damaged("generation"))?,
        confirmation_pending: int("confirmation_pending")? != 0,
        address_vouched: int("address_vouched")? != 0,
    };
    Ok((int("number")?, row.read()?))
}

/// Statements that find a row where a database is not new, and what it has then.
pub(crate) fn any_row() -> impl Iterator<Item = (&'static str, String)> {
    WRITTEN.into_iter().map(|table| {
        // Every database has the one that stands for the configuration's secrets.
        let own = if table.name == SIGNING_KEYS.name { "WHERE number <> 0" } else { "" };
        (table.what, format!("SELECT 1 FROM {} {own} LIMIT 1", table.name))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use appmixer_testbed::Postgres;

    use super::*;
    use crate::{PostgresOptions, PostgresStore, SqliteStore};

    type Tables = BTreeMap<String, BTreeSet<String>>;

    /// What is copied or compared, with its columns.
    fn known(name: impl Fn(&'static Column) -> &'static str) -> Tables {
        let tables = WRITTEN.into_iter().chain([&NAMES]);
        let columns =
            |table: &'static Table| table.columns.iter().map(|column| name(column).to_owned()).collect();
        tables.map(|table| (table.name.to_owned(), columns(table))).collect()
    }

    /// From lines of a table and a column, without the tables that are left out on purpose.
    fn found(lines: impl Iterator<Item = String>, left_out: &[&str]) -> Tables {
        let mut tables = Tables::new();
        for line in lines {
            let (table, column) = line.split_once('|').unwrap();
            if !left_out.contains(&table) {
                tables.entry(table.to_owned()).or_default().insert(column.to_owned());
            }
        }
        tables
    }

    /// Made of the users again, or the schema's, or the copy's own.
    const SQLITES_OWN: &[&str] = &[
        "facets",
        "list_blocks",
        "names_text",
        "names_text_config",
        "names_text_content",
        "names_text_data",
        "names_text_idx",
        "refinery_schema_history",
        "sqlite_schema",
        "sqlite_sequence",
        "unfinished_copy",
        "user_facets",
    ];

    /// The same, and what nodes tell each other.
    const POSTGRES_OWN: &[&str] = &[
        "audit_arrivals",
        "change_shards",
        "changes",
        "facet_counts",
        "list_blocks",
        "list_moves",
        "news",
        "refinery_schema_history",
        "turns",
        "unfinished_copy",
        "user_facets",
    ];

    #[test]
    fn every_column_of_a_file_is_copied_or_left_out_on_purpose() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        SqliteStore::migrate(&path).unwrap();
        let db = rusqlite::Connection::open(&path).unwrap();
        let sql = "SELECT tables.name || '|' || columns.name FROM pragma_table_list AS tables \
             JOIN pragma_table_info(tables.name) AS columns WHERE tables.schema = 'main'";
        let mut statement = db.prepare(sql).unwrap();
        let lines = statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
        assert_eq!(found(lines, SQLITES_OWN), known(|column| column.sqlite));
    }

    #[tokio::test]
    async fn every_column_of_postgresql_is_copied_or_left_out_on_purpose() {
        let url = Postgres::shared().database();
        let stale_after = std::time::Duration::from_secs(5);
        let database = url.rsplit('/').next().unwrap().to_owned();
        let options = PostgresOptions { url, pool_size: 1, prepare: true, stale_after, ca_file: None };
        let (before, newest) = PostgresStore::migrate(&options).await.unwrap();
        assert_eq!(before, 0);
        assert_eq!(PostgresStore::migrate(&options).await.unwrap(), (newest, newest));
        let sql = "SELECT table_name || '|' || column_name FROM information_schema.columns \
             WHERE table_schema = current_schema()";
        let lines = Postgres::shared().psql(&database, sql);
        assert_eq!(found(lines.lines().map(str::to_owned), POSTGRES_OWN), known(|column| column.postgres));
    }
}
