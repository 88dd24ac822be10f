//! What every store promises of the codes that confirm an address.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{
    AuditEntry, AuditKind, Beside, Change, Channel, CodeDigest, Email, Existing, IdGenerator,
    MAX_CONFIRMATION_CODES, Message, MessageId, NewCode, Origin, PasswordHash, Payload, Store, Timestamp,
    User, UserChange, Username, WriteError,
};
use tokio::task::JoinSet;

use super::{Notes, id, later, login, ticket, user};

fn digest(number: u8) -> CodeDigest {
    CodeDigest::from_bytes([number; 32])
}

fn minutes(number: u64) -> Timestamp {
    later().after(Duration::from_secs(60 * number))
}

/// The code of this number, made so many minutes later and valid for an hour, with a mail and a webhook.
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
    let messages = vec![message(Channel::ConfirmMail), message(Channel::ConfirmWebhook)];
    NewCode { digest: digest(number), created, expires, messages }
}

fn pending(number: u32, name: &str) -> User {
    User { is_active: false, confirmation_pending: true, ..user(number, name, &["user"]) }
}

async fn waiting(store: &Arc<dyn Store>) -> usize {
    store.waiting(None, 1000).await.unwrap().len()
}

async fn send(store: &Arc<dyn Store>, name: &str, number: u8) {
    store.store_confirmation_code(login(name), code(number), Beside::nothing()).await.unwrap();
}

async fn is_valid(store: &Arc<dyn Store>, number: u8) -> bool {
    store.find_by_confirmation_code(digest(number), minutes(10)).await.unwrap().is_some()
}

pub(crate) async fn a_code_activates_its_user_once_and_ends_the_others(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    store.insert(pending(1, "joe@acme"), Beside::nothing().and_confirmation(Some(code(1)))).await.unwrap();
    send(&store, "JOE@acme", 2).await;
    assert_eq!(notes.take(), []);
    assert_eq!(waiting(&store).await, 4);
    let found = store.find_by_confirmation_code(digest(1), minutes(10)).await;
    assert_eq!(found, Ok(Some(pending(1, "joe@acme"))));

    let entry = AuditEntry::new(minutes(3), AuditKind::UserConfirmed, &Origin::anonymous(None));
    let joe = store.redeem_confirmation_code(digest(1), minutes(3), entry.into()).await.unwrap();
    assert_eq!((joe.is_active, joe.confirmation_pending, joe.generation), (true, false, 0));
    assert_eq!(notes.take(), [Change::User(id(1))]);
    assert_eq!(store.find_by_id(id(1)).await, Ok(Some(joe)));
    for number in [1, 2, 9] {
        assert!(!is_valid(&store, number).await, "{number}");
        let again = store.redeem_confirmation_code(digest(number), minutes(3), Beside::nothing()).await;
        assert_eq!(again, Err(WriteError::NotFound), "{number}");
    }
    assert_eq!(waiting(&store).await, 0, "a message is removed with the code that it carries");
}

pub(crate) async fn a_code_expires_and_a_user_has_a_few_the_newest(store: Arc<dyn Store>, _: Arc<Notes>) {
    store.insert(pending(1, "joe@acme"), Beside::nothing()).await.unwrap();
    for number in 0..=5 {
        send(&store, "joe@acme", number).await;
    }
    for number in 0..=5 {
        assert_eq!(is_valid(&store, number).await, number >= 3, "{number}");
    }
    assert_eq!(waiting(&store).await, 2 * MAX_CONFIRMATION_CODES as usize);
    let last = Timestamp::from_millis(minutes(65).millis() - 1);
    assert!(store.find_by_confirmation_code(digest(5), last).await.unwrap().is_some());
    assert_eq!(store.find_by_confirmation_code(digest(5), minutes(65)).await, Ok(None));
    let late = store.redeem_confirmation_code(digest(5), minutes(65), Beside::nothing()).await;
    assert_eq!(late, Err(WriteError::NotFound));
    send(&store, "joe@acme", 70).await;
    assert_eq!(waiting(&store).await, 2, "the next code takes the expired ones along");
}

pub(crate) async fn who_is_not_pending_gets_no_code_and_the_same_is_written(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    store
        .insert(user(1, "active@acme", &["user"]), Beside::nothing().and_confirmation(Some(code(1))))
        .await
        .unwrap();
    store
        .insert(User { is_active: false, ..user(2, "deactivated@acme", &["user"]) }, Beside::nothing())
        .await
        .unwrap();
    assert_eq!(waiting(&store).await, 0);
    for (number, name) in
        [(2, "active@acme"), (3, "deactivated@acme"), (4, "nobody@acme"), (5, "nobody@acme")]
    {
        send(&store, name, number).await;
        assert!(!is_valid(&store, number).await, "{name}");
        let redeemed = store.redeem_confirmation_code(digest(number), minutes(9), Beside::nothing()).await;
        assert_eq!(redeemed, Err(WriteError::NotFound), "{name}");
    }
    assert_eq!(waiting(&store).await, 2 * MAX_CONFIRMATION_CODES as usize, "a flood of them is bounded");
}

pub(crate) async fn whatever_changes_the_address_name_or_password_or_decides_ends_codes(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let hash = || PasswordHash::from_phc("$new".to_owned());
    let change = UserChange::default;
    for (number, change) in [
        UserChange { email: Email::parse("j@x").ok(), ..change() },
        UserChange { username: Username::parse("j@y").ok(), ..change() },
        UserChange { password_hash: Some(hash()), ..change() },
        UserChange { is_active: Some(true), ..change() },
    ]
    .into_iter()
    .enumerate()
    {
        let number = u32::try_from(number).unwrap() + 1;
        store
            .insert(pending(number, "joe@acme"), Beside::nothing().and_confirmation(Some(code(1))))
            .await
            .unwrap();
        store
            .update(
                id(number),
                UserChange { is_active: Some(false), ..UserChange::default() },
                minutes(2),
                Beside::nothing(),
            )
            .await
            .unwrap();
        assert!(is_valid(&store, 1).await, "{change:?}: what repeats a value changes nothing");
        store.update(id(number), change.clone(), minutes(2), Beside::nothing()).await.unwrap();
        assert!(!is_valid(&store, 1).await, "{change:?}");
        assert_eq!(waiting(&store).await, 0);
        store.delete(id(number), ticket(number), false, minutes(2), Beside::nothing()).await.unwrap();
    }
    store.insert(pending(9, "joe@acme"), Beside::nothing().and_confirmation(Some(code(1)))).await.unwrap();
    let renamed = User { names: pending(9, "joe@y").names, ..pending(9, "joe@acme") };
    let existing = Existing::Replace { require_active: false };
    store.import(vec![renamed], existing, minutes(2), Beside::nothing()).await.unwrap();
    assert!(!is_valid(&store, 1).await);
    send(&store, "joe@y", 2).await;
    store.delete(id(9), ticket(9), false, minutes(2), Beside::nothing()).await.unwrap();
    assert!(!is_valid(&store, 2).await);
    assert_eq!(waiting(&store).await, 0);
}

pub(crate) async fn another_address_is_sent_a_code_of_its_own(store: Arc<dyn Store>, _: Arc<Notes>) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    let change = |change, number| {
        store.update(id(1), change, minutes(2), Beside::nothing().and_confirmation(Some(code(number))))
    };
    let email = |text| UserChange { email: Email::parse(text).ok(), ..UserChange::default() };
    change(email("joe@acme"), 1).await.unwrap();
    assert!(!is_valid(&store, 1).await, "nothing has changed");
    let moved = change(email("joe@x"), 2).await.unwrap();
    assert!(moved.confirmation_pending && is_valid(&store, 2).await);
    change(email("joe@y"), 3).await.unwrap();
    assert!(!is_valid(&store, 2).await && is_valid(&store, 3).await);
    let activated = UserChange { is_active: Some(true), ..email("joe@z") };
    change(activated, 4).await.unwrap();
    assert!(!is_valid(&store, 3).await && !is_valid(&store, 4).await);
}

pub(crate) async fn a_reset_code_confirms_a_pending_user_and_no_one_who_was_deactivated(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    store.insert(pending(1, "joe@acme"), Beside::nothing()).await.unwrap();
    store
        .insert(User { is_active: false, ..user(2, "ann@acme", &["user"]) }, Beside::nothing())
        .await
        .unwrap();
    send(&store, "joe@acme", 3).await;
    for (name, number, becomes_active) in [("joe@acme", 1, true), ("ann@acme", 2, false)] {
        store.keep_reset_code(login(name), code(number), Beside::nothing()).await.unwrap();
        let hash = PasswordHash::from_phc("$new".to_owned());
        let user =
            store.redeem_reset_code(digest(number), hash, minutes(3), Beside::nothing()).await.unwrap();
        assert_eq!((user.is_active, user.confirmation_pending), (becomes_active, false), "{name}");
    }
    assert!(!is_valid(&store, 3).await);
}

pub(crate) async fn of_many_who_confirm_with_a_code_at_once_one_does(store: Arc<dyn Store>, _: Arc<Notes>) {
    store.insert(pending(1, "joe@acme"), Beside::nothing().and_confirmation(Some(code(1)))).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let store = Arc::clone(&store);
        tasks.spawn(
            async move { store.redeem_confirmation_code(digest(1), minutes(1), Beside::nothing()).await },
        );
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

pub(crate) async fn of_a_code_and_another_address_at_once_no_unproved_address_becomes_active(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    for number in 1..=20 {
        let name = format!("joe{number}@acme");
        store
            .insert(pending(number, &name), Beside::nothing().and_confirmation(Some(code(1))))
            .await
            .unwrap();
        let email = Email::parse(&format!("joe{number}@x")).ok();
        let (redeemed, changed) = tokio::join!(
            store.redeem_confirmation_code(digest(1), minutes(1), Beside::nothing()),
            store.update(
                id(number),
                UserChange { email, ..UserChange::default() },
                minutes(1),
                Beside::nothing()
            ),
        );
        assert!(redeemed.is_ok() || redeemed == Err(WriteError::NotFound));
        changed.unwrap();
        let user = store.find_by_id(id(number)).await.unwrap().unwrap();
        assert_eq!((user.is_active, user.confirmation_pending), (false, true));
        assert!(!is_valid(&store, 1).await);
    }
}
