//! Every statement, so that a test can ask for the plan of each.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = $sql;)*

        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

pub(super) use statements;

/// The columns of a user, in the order in which `rows` reads them.
macro_rules! columns {
    () => {
        "users.id, users.username, users.email, users.password_hash, users.scope, users.plan, users.is_active, \
         users.vendor, users.allowed_private_components, users.phone_number, users.title, users.metadata, \
         users.created, users.modified, users.generation, users.confirmation_pending, users.address_vouched"
    };
}

pub(super) use columns;

statements! {
    PING = "SELECT 1 FROM config WHERE key = ''";
    HAS_HISTORY = "SELECT 1 FROM pragma_table_list('refinery_schema_history')";
    UNFINISHED = "SELECT 1 FROM unfinished_copy WHERE one = 1";

    FIND_BY_ID = concat!("SELECT ", columns!(), " FROM users WHERE id = ?1");
    FIND_BY_LOGIN = concat!(
        "SELECT ", columns!(), " FROM names JOIN users ON users.number = names.user WHERE names.folded = ?1"
    );
    LIST = concat!("SELECT ", columns!(), " FROM users WHERE id > ?1 ORDER BY id LIMIT ?2");
    FIND_BY_NUMBER = concat!("SELECT ", columns!(), " FROM users WHERE number = ?1");

    INSERT_USER = "INSERT INTO users (id, username, email, password_hash, scope, plan, is_active, vendor, \
         allowed_private_components, phone_number, title, metadata, created, modified, generation, \
         confirmation_pending, address_vouched) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    UPDATE_USER = "UPDATE users SET username = ?2, email = ?3, password_hash = ?4, scope = ?5, plan = ?6, \
         is_active = ?7, vendor = ?8, allowed_private_components = ?9, phone_number = ?10, title = ?11, \
         metadata = ?12, created = ?13, modified = ?14, generation = ?15, \
         confirmation_pending = ?16, address_vouched = ?17 WHERE id = ?1";
    USER_NUMBER = "SELECT number FROM users WHERE id = ?1";
    DELETE_USER = "DELETE FROM users WHERE number = ?1";
    INSERT_TICKET = "INSERT INTO deletions (ticket, user, deleted) VALUES (?1, ?2, ?3)";
    FIND_TICKET = "SELECT 1 FROM deletions WHERE ticket = ?1 AND user = ?2 AND deleted > ?3";
    FORGET_TICKETS = "DELETE FROM deletions WHERE deleted <= ?1";
    REPLACE_HASH = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";

    INSERT_NAME = "INSERT INTO names (folded, user, is_username, is_email) VALUES (?1, ?2, ?3, ?4)";
    NAME_OWNER = "SELECT user FROM names WHERE folded = ?1";
    DELETE_NAMES = "DELETE FROM names WHERE user = ?1";
    INSERT_TEXT = "INSERT INTO names_text (rowid, names) VALUES (?1, ?2)";
    DELETE_TEXT = "INSERT INTO names_text (names_text, rowid, names) VALUES ('delete', ?1, ?2)";
    HITS = "SELECT rowid FROM names_text WHERE names_text MATCH ?1";
    COUNT_NAMED = "SELECT count(*) FROM ( \
         SELECT 1 FROM names INDEXED BY names_by_user WHERE instr(folded, ?1) GROUP BY user)";
    TEXT_OPTION = "INSERT INTO names_text (names_text, rank) VALUES (?1, ?2)";

    FIND_FACET = "SELECT id, users FROM facets WHERE kind = ?1 AND value = ?2";
    INSERT_FACET = "INSERT INTO facets (kind, value, users) VALUES (?1, ?2, 0)";
    COUNT_FACET = "UPDATE facets SET users = users + ?2 WHERE id = ?1";
    DELETE_EMPTY_FACET = "DELETE FROM facets WHERE id = ?1 AND users = 0 AND kind <> 'all'";
    COUNT_ALL = "SELECT users FROM facets WHERE id = ?1";
    INSERT_FACET_OF_USER = "INSERT INTO user_facets (facet, created, user) VALUES (?1, ?2, ?3)";
    TWO_ACTIVE_ADMINS = "SELECT 1 FROM facets AS admin JOIN facets AS active \
         JOIN user_facets ON user_facets.facet = admin.id WHERE admin.kind = 'scope' AND admin.value = 'admin' \
         AND active.kind = 'active' AND active.value = '1' \
         AND EXISTS (SELECT 1 FROM user_facets AS other WHERE other.facet = active.id \
         AND other.created = user_facets.created AND other.user = user_facets.user) LIMIT 2";
    DELETE_FACET_OF_USER = "DELETE FROM user_facets WHERE facet = ?1 AND created = ?2 AND user = ?3";

    BLOCK_OF = "SELECT key, user, entries FROM list_blocks WHERE list = ?1 AND (key, user) <= (?2, ?3) \
         ORDER BY key DESC, user DESC LIMIT 1";
    NEXT_BLOCK = "SELECT key, user FROM list_blocks WHERE list = ?1 AND (key, user) > (?2, ?3) \
         ORDER BY key, user LIMIT 1";
    SET_BLOCK = "INSERT INTO list_blocks (list, key, user, entries) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (list, key, user) DO UPDATE SET entries = excluded.entries";
    DELETE_BLOCK = "DELETE FROM list_blocks WHERE list = ?1 AND key = ?2 AND user = ?3";
    BLOCKS = "SELECT key, user, entries FROM list_blocks WHERE list = ?1 ORDER BY key, user";
    BLOCKS_FROM_END = "SELECT key, user, entries FROM list_blocks WHERE list = ?1 ORDER BY key DESC, user DESC";
    AHEAD_BY_CREATED = "SELECT created, number FROM users WHERE (created, number) >= (?1, ?2) \
         ORDER BY created, number LIMIT 1 OFFSET ?3";
    AHEAD_BY_USERNAME = "SELECT folded FROM names WHERE folded >= ?1 AND is_username ORDER BY folded LIMIT 1 OFFSET ?2";
    AHEAD_BY_EMAIL = "SELECT folded FROM names WHERE folded >= ?1 AND is_email ORDER BY folded LIMIT 1 OFFSET ?2";
    PAGE_BY_CREATED = "SELECT number FROM users WHERE (created, number) >= (?1, ?2) \
         ORDER BY created, number LIMIT ?3 OFFSET ?4";
    PAGE_BY_USERNAME = "SELECT user FROM names WHERE folded >= ?1 AND is_username \
         ORDER BY folded LIMIT ?2 OFFSET ?3";
    PAGE_BY_EMAIL = "SELECT user FROM names WHERE folded >= ?1 AND is_email ORDER BY folded LIMIT ?2 OFFSET ?3";

    CONFIG = "SELECT key, value FROM config ORDER BY key";
    COUNT_OTHER_CONFIG = "SELECT count(*) FROM config WHERE key <> ?1";
    SET_CONFIG = "INSERT INTO config (key, value) VALUES (?1, ?2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    HAS_CONFIG = "SELECT 1 FROM config WHERE key = ?1";
    REMOVE_CONFIG = "DELETE FROM config WHERE key = ?1";

    ACCESS_RULES = "SELECT rules FROM access_rules WHERE type = ?1";
    SET_ACCESS_RULES = "INSERT INTO access_rules (type, rules) VALUES (?1, ?2) \
         ON CONFLICT (type) DO UPDATE SET rules = excluded.rules";
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::super::{audit, confirmation_codes, daily, outbox, reset_codes, signing_keys};
    use super::*;
    use crate::{Role, SqliteStore};

    /// The audit log is bounded, and counted when it may be too long. The configuration and the keys are read as a
    /// whole, and bounded; SQLite's own tables are SQLite's business; what is part of nearly every name (`COUNT_NAMED`, for a
    /// single character) is not worth an index.
    const MAY_SCAN: &[&str] = &[
        "CONFIG",
        "COUNT_AUDIT",
        "COUNT_NAMED",
        "COUNT_OTHER_CONFIG",
        "HAS_HISTORY",
        "PING",
        "SIGNING_KEYS",
    ];

    /// A virtual table is always "scanned": the number says that it is by an index of its own. A row without a table
    /// is no scan of one.
    fn is_lookup(step: &str) -> bool {
        step.contains("VIRTUAL TABLE INDEX") && !step.ends_with("INDEX 0:") || step == "SCAN CONSTANT ROW"
    }

    /// A database of today's schema, in its folder.
    pub(in super::super) fn empty_database() -> (TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.sqlite");
        drop(SqliteStore::open(&path, Role::Server, Arc::new(())).unwrap());
        let db = Connection::open(&path).unwrap();
        (folder, db)
    }

    /// What SQLite would do, step by step.
    pub(in super::super) fn plan(db: &Connection, sql: &str) -> Vec<String> {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let unbound = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps =
            statement.query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail")).unwrap();
        steps.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn no_statement_scans_a_table() {
        let (_folder, db) = empty_database();
        let all = [
            ALL,
            audit::ALL,
            confirmation_codes::ALL,
            daily::ALL,
            outbox::ALL,
            reset_codes::ALL,
            signing_keys::ALL,
        ];
        for (name, sql) in all.concat() {
            let plan = plan(&db, sql);
            let scans = plan
                .iter()
                .any(|step| step.starts_with("SCAN") && !is_lookup(step) || step.contains("TEMP B-TREE"));
            assert!(!scans || MAY_SCAN.contains(&name), "{name}: {plan:?}");
        }
    }
}
