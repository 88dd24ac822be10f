//! What every store promises of the first administrator.

use std::sync::Arc;

use appmixer_core::{AuditEntry, AuditKind, AuditQuery, Beside, Origin, Store, Timestamp, WriteError};
use tokio::task::JoinSet;

use super::{Notes, user};

pub(crate) async fn of_many_first_administrators_one_is_made_and_none_beside_another(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let entry = || {
        let entry =
            AuditEntry::new(Timestamp::from_seconds(1), AuditKind::UserCreated, &Origin::anonymous(None));
        Beside::from(entry)
    };
    store.insert(user(100, "taken@acme", &["user"]), Beside::nothing()).await.unwrap();
    let taken = store.insert_first_administrator(user(101, "taken@acme", &["admin"]), entry()).await;
    assert_eq!(taken, Err(WriteError::NameTaken));

    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let (store, beside) = (Arc::clone(&store), entry());
        tasks.spawn(async move {
            let admin = user(number, &format!("root{number}@acme"), &["user", "admin"]);
            store.insert_first_administrator(admin, beside).await.unwrap()
        });
    }
    assert_eq!(tasks.join_all().await.iter().filter(|made| **made).count(), 1);
    let late = store.insert_first_administrator(user(30, "late@acme", &["admin"]), entry()).await;
    assert_eq!(late, Ok(false));
    assert_eq!(store.list(None, 100).await.unwrap().len(), 2, "the others are not there as somebody else");

    let (from, to, of_user, before, after) = (None, None, None, None, None);
    let query = AuditQuery { from, to, user: of_user, kinds: vec![], before, after, limit: 100 };
    assert_eq!(store.audit_entries(query).await.unwrap().len(), 1, "nor in the log");
}
