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
         users.created, users.modified, users.generation"
    };
}

statements! {
    PING = "SELECT 1 FROM config WHERE key = ''";
    HAS_HISTORY = "SELECT 1 FROM pragma_table_list('refinery_schema_history')";

    FIND_BY_ID = concat!("SELECT ", columns!(), " FROM users WHERE id = ?1");
    FIND_BY_LOGIN = concat!(
        "SELECT ", columns!(), " FROM login_names JOIN users ON users.number = login_names.user \
         WHERE login_names.folded = ?1"
    );
    LIST = concat!("SELECT ", columns!(), " FROM users WHERE id > ?1 ORDER BY id LIMIT ?2");
    ANY_ADMIN = "SELECT 1 FROM user_scopes WHERE scope = 'admin' LIMIT 1";
    ANOTHER_ADMIN = "SELECT 1 FROM user_scopes WHERE scope = 'admin' AND user <> ?1 LIMIT 1";

    INSERT_USER = "INSERT INTO users (id, username, email, password_hash, scope, plan, is_active, vendor, \
         allowed_private_components, phone_number, title, metadata, created, modified, generation) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    UPDATE_USER = "UPDATE users SET username = ?2, email = ?3, password_hash = ?4, scope = ?5, plan = ?6, \
         is_active = ?7, vendor = ?8, allowed_private_components = ?9, phone_number = ?10, title = ?11, \
         metadata = ?12, created = ?13, modified = ?14, generation = ?15 WHERE id = ?1";
    USER_NUMBER = "SELECT number FROM users WHERE id = ?1";
    DELETE_USER = "DELETE FROM users WHERE number = ?1";
    INSERT_TICKET = "INSERT INTO deletions (ticket, user, deleted) VALUES (?1, ?2, ?3)";
    FIND_TICKET = "SELECT 1 FROM deletions WHERE ticket = ?1 AND user = ?2 AND deleted > ?3";
    FORGET_TICKETS = "DELETE FROM deletions WHERE deleted <= ?1";
    REPLACE_HASH = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";

    INSERT_NAME = "INSERT INTO login_names (folded, user) VALUES (?1, ?2)";
    NAME_OWNER = "SELECT user FROM login_names WHERE folded = ?1";
    DELETE_NAMES = "DELETE FROM login_names WHERE user = ?1";
    INSERT_SCOPE = "INSERT INTO user_scopes (scope, user) VALUES (?1, ?2)";
    DELETE_SCOPES = "DELETE FROM user_scopes WHERE user = ?1";

    CONFIG = "SELECT key, value FROM config ORDER BY key";
    COUNT_OTHER_CONFIG = "SELECT count(*) FROM config WHERE key <> ?1";
    SET_CONFIG = "INSERT INTO config (key, value) VALUES (?1, ?2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    REMOVE_CONFIG = "DELETE FROM config WHERE key = ?1";

    ACCESS_RULES = "SELECT rules FROM access_rules WHERE type = ?1";
    SET_ACCESS_RULES = "INSERT INTO access_rules (type, rules) VALUES (?1, ?2) \
         ON CONFLICT (type) DO UPDATE SET rules = excluded.rules";
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use appmixer_core::{Change, ChangeListener};
    use rusqlite::Connection;

    use super::super::audit;
    use super::*;
    use crate::{Role, SqliteStore};

    struct Deaf;

    impl ChangeListener for Deaf {
        fn changed(&self, _: Change) {}
    }

    /// The audit log is bounded, and counted when it may be too long. The configuration is read as a whole, and bounded; SQLite's own tables are SQLite's business.
    const MAY_SCAN: &[&str] = &["COUNT_AUDIT", "CONFIG", "COUNT_OTHER_CONFIG", "HAS_HISTORY", "PING"];

    #[test]
    fn no_statement_scans_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.sqlite");
        drop(SqliteStore::open(&path, Role::Server, Arc::new(Deaf)).unwrap());
        let connection = Connection::open(&path).unwrap();
        for (name, sql) in [ALL, audit::ALL].concat() {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let unbound = vec![rusqlite::types::Null; statement.parameter_count()];
            let plan: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail"))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            // A row without a table is no scan of one.
            let scans = plan.iter().filter(|step| *step != "SCAN CONSTANT ROW");
            let scans = scans.into_iter().any(|s| s.starts_with("SCAN") || s.contains("TEMP B-TREE"));
            assert!(!scans || MAY_SCAN.contains(&name), "{name}: {plan:?}");
        }
    }
}
