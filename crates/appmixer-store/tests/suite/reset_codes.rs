//! What every store promises of the codes for forgotten passwords.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{
    AuditEntry, AuditKind, Beside, Change, Channel, CodeDigest, Email, Existing, IdGenerator,
    MAX_RESET_CODES, Message, MessageId, Names, NewCode, Origin, PasswordHash, Payload, Plan, Store,
    Timestamp, User, UserChange, Username, WriteError,
};
use tokio::task::JoinSet;

use super::{Notes, id, later, login, ticket, user};

fn digest(number: u8) -> CodeDigest {
    CodeDigest::from_bytes([number; 32])
}

fn hash() -> PasswordHash {
    PasswordHash::from_phc("$new".to_owned())
}

fn minutes(number: u64) -> Timestamp {
    later().after(Duration::from_secs(60 * number))
}

/// The code of this number, made so many minutes later, with a mail and a webhook.
fn code(number: u8) -> NewCode {
    let ids = IdGenerator::new([number; 8]);
    let (created, expires) = (minutes(number.into()), minutes(u64::from(number) + 60));
    let message = |channel| Message {
        id: MessageId::new(ids.next(created)),
        channel,
        payload: Payload::from_json(format!(r#"{{"code":"{number}"}}"#)),
        created,
        expires,
    };
    let messages = vec![message(Channel::ResetMail), message(Channel::ResetWebhook)];
    NewCode { digest: digest(number), created, expires, messages }
}

async fn waiting(store: &Arc<dyn Store>) -> usize {
    store.waiting(None, 1000).await.unwrap().len()
}

async fn keep(store: &Arc<dyn Store>, name: &str, number: u8) {
    store.keep_reset_code(login(name), code(number), Beside::nothing()).await.unwrap();
}

pub(crate) async fn a_code_sets_a_password_once_and_ends_tokens_and_other_codes(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    keep(&store, "JOE@acme", 1).await;
    keep(&store, "joe@acme", 2).await;
    assert_eq!(notes.take(), []);
    assert_eq!(waiting(&store).await, 4);
    let joe = store.find_by_reset_code(digest(1), minutes(3)).await.unwrap().unwrap();
    assert_eq!(joe, user(1, "joe@acme", &["user"]));

    let entry = AuditEntry::new(minutes(3), AuditKind::PasswordReset, &Origin::anonymous(None));
    let joe = store.redeem_reset_code(digest(1), hash(), minutes(3), entry.into()).await.unwrap();
    assert_eq!((joe.generation, joe.password_hash.clone()), (1, hash()));
    assert_eq!(notes.take(), [Change::User(id(1))]);
    assert_eq!(store.find_by_id(id(1)).await, Ok(Some(joe)));
    for number in [1, 2, 9] {
        assert_eq!(store.find_by_reset_code(digest(number), minutes(3)).await, Ok(None), "{number}");
        let again = store.redeem_reset_code(digest(number), hash(), minutes(3), Beside::nothing()).await;
        assert_eq!(again, Err(WriteError::NotFound), "{number}");
    }
    assert_eq!(waiting(&store).await, 0, "what carries a code goes with it");
}

pub(crate) async fn a_code_is_good_until_it_expires(store: Arc<dyn Store>, _: Arc<Notes>) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    keep(&store, "joe@acme", 0).await;
    let last = Timestamp::from_millis(minutes(60).millis() - 1);
    assert!(store.find_by_reset_code(digest(0), last).await.unwrap().is_some());
    assert_eq!(store.find_by_reset_code(digest(0), minutes(60)).await, Ok(None));
    let late = store.redeem_reset_code(digest(0), hash(), minutes(60), Beside::nothing()).await;
    assert_eq!(late, Err(WriteError::NotFound));
    // The next one takes the expired ones along.
    keep(&store, "joe@acme", 60).await;
    assert_eq!(waiting(&store).await, 2);
}

pub(crate) async fn nobodys_code_is_written_as_all_are_and_good_for_nothing(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    for number in 1..=9 {
        keep(&store, "nobody@acme", number).await;
        assert_eq!(store.find_by_reset_code(digest(number), minutes(9)).await, Ok(None));
        let redeemed = store.redeem_reset_code(digest(number), hash(), minutes(9), Beside::nothing()).await;
        assert_eq!(redeemed, Err(WriteError::NotFound));
    }
    // A flood of them is bounded, whatever the names are.
    assert_eq!(waiting(&store).await, 2 * MAX_RESET_CODES as usize);
    assert_eq!(notes.take(), []);
}

pub(crate) async fn a_user_has_a_few_codes_the_newest(store: Arc<dyn Store>, _: Arc<Notes>) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    store.insert(user(2, "ann@acme", &["user"]), Beside::nothing()).await.unwrap();
    keep(&store, "ann@acme", 1).await;
    for number in 2..=6 {
        keep(&store, "joe@acme", number).await;
    }
    for number in 1..=6 {
        let good = store.find_by_reset_code(digest(number), minutes(7)).await.unwrap().is_some();
        assert_eq!(good, matches!(number, 1 | 4..=6), "{number}");
    }
    assert_eq!(waiting(&store).await, 2 * (1 + MAX_RESET_CODES as usize));
}

pub(crate) async fn a_revocation_or_another_name_ends_codes_and_nothing_else_does(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    keep(&store, "joe@acme", 1).await;
    let good = async || store.find_by_reset_code(digest(1), minutes(2)).await.unwrap().is_some();
    let change = |change: UserChange| store.update(id(1), change, minutes(2), Beside::nothing());
    change(UserChange { is_active: Some(false), ..UserChange::default() }).await.unwrap();
    assert!(good().await);
    // The spelling counts too: a mail server may tell one from the other.
    for (username, email) in [(Some("jim@acme"), None), (None, Some("JIM@acme")), (None, Some("jim@x"))] {
        change(UserChange {
            username: username.map(|text| Username::parse(text).unwrap()),
            email: email.map(|text| Email::parse(text).unwrap()),
            ..UserChange::default()
        })
        .await
        .unwrap();
        assert!(!good().await);
        keep(&store, "jim@acme", 1).await;
        assert!(good().await);
    }
    let replaced =
        User { plan: Plan::parse("beta").unwrap(), ..store.find_by_id(id(1)).await.unwrap().unwrap() };
    let import = |user: User| {
        store.import(vec![user], Existing::Replace { require_active: false }, minutes(2), Beside::nothing())
    };
    import(replaced.clone()).await.unwrap();
    assert!(good().await);
    let names = Names { username: Username::parse("jo@acme").unwrap(), ..replaced.names.clone() };
    import(User { names, ..replaced }).await.unwrap();
    assert!(!good().await);

    keep(&store, "jo@acme", 1).await;
    change(UserChange { revoke_tokens: true, ..UserChange::default() }).await.unwrap();
    assert!(!good().await);

    keep(&store, "jo@acme", 1).await;
    change(UserChange { password_hash: Some(hash()), ..UserChange::default() }).await.unwrap();
    assert!(!good().await);

    keep(&store, "jo@acme", 1).await;
    store.delete(id(1), ticket(1), false, minutes(2), Beside::nothing()).await.unwrap();
    assert!(!good().await);
    assert_eq!(waiting(&store).await, 0);
}

pub(crate) async fn of_many_who_use_a_code_at_once_one_wins(store: Arc<dyn Store>, _: Arc<Notes>) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    keep(&store, "joe@acme", 1).await;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            store.redeem_reset_code(digest(1), hash(), minutes(1), Beside::nothing()).await
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(store.find_by_id(id(1)).await.unwrap().unwrap().generation, 1);
}
