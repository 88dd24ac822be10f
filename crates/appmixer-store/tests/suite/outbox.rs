//! What every store promises of the messages that wait for delivery.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{
    Beside, Channel, IdGenerator, MAX_WAITING, Message, MessageId, Payload, Settlement, Store, Timestamp,
    WriteError,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Notes, later, user};

fn at(seconds: u64) -> Timestamp {
    later().after(Duration::from_secs(seconds))
}

fn message(ids: &IdGenerator, channel: Channel, seconds: u64) -> Message {
    Message {
        id: MessageId::new(ids.next(at(seconds))),
        channel,
        payload: Payload::from_json(format!(r#"{{"at":{seconds}}}"#)),
        created: at(seconds),
        expires: at(seconds + 86_400),
    }
}

fn beside(messages: impl IntoIterator<Item = Message>) -> Beside {
    messages.into_iter().fold(Beside::nothing(), |beside, message| beside.and_message(Some(message)))
}

const CREATED: Channel = Channel::CreatedWebhook;

pub(crate) async fn a_message_is_kept_with_its_change_or_not_at_all(store: Arc<dyn Store>, _: Arc<Notes>) {
    let ids = IdGenerator::new([0; 8]);
    let told = message(&ids, CREATED, 0);
    store.insert(user(1, "joe@acme", &["user"]), beside([told.clone()])).await.unwrap();
    let taken = store.insert(user(2, "joe@acme", &["user"]), beside([message(&ids, CREATED, 0)])).await;
    assert_eq!(taken, Err(WriteError::NameTaken));
    let claimed = store.claim(CREATED, 10, at(0), at(60)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((&claimed[0].message, claimed[0].attempt), (&told, 1));
}

pub(crate) async fn a_message_that_was_taken_is_nobody_elses_until_the_claim_ends(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let ids = IdGenerator::new([0; 8]);
    let messages = (0..3).map(|second| message(&ids, CREATED, second));
    store.insert(user(1, "joe@acme", &["user"]), beside(messages)).await.unwrap();
    assert_eq!(store.claim(Channel::DeletedWebhook, 10, at(9), at(60)).await, Ok(vec![]));
    assert_eq!(store.next_due(Channel::DeletedWebhook).await, Ok(None));
    assert_eq!(store.next_due(CREATED).await, Ok(Some(at(0))));
    let first = store.claim(CREATED, 2, at(9), at(60)).await.unwrap();
    let seconds = |claimed: &[appmixer_core::Claimed]| {
        claimed.iter().map(|claimed| claimed.message.created).collect::<Vec<_>>()
    };
    assert_eq!(seconds(&first), [at(0), at(1)], "the oldest first");
    assert_eq!(seconds(&store.claim(CREATED, 9, at(9), at(70)).await.unwrap()), [at(2)]);
    assert_eq!(store.claim(CREATED, 9, at(59), at(70)).await, Ok(vec![]));
    assert_eq!(store.next_due(CREATED).await, Ok(Some(at(60))));

    // Whoever took it did not come back.
    let second = store.claim(CREATED, 9, at(60), at(120)).await.unwrap();
    assert_eq!(seconds(&second), [at(0), at(1)]);
    assert_eq!(second[0].attempt, 2);
    // It does now, too late: what it says does not count.
    let id = first[0].message.id;
    store.settle(id, first[0].attempt, Settlement::Done).await.unwrap();
    assert_eq!(store.waiting(None, 9).await.unwrap().len(), 3);
    store.settle(id, second[0].attempt, Settlement::Done).await.unwrap();
    assert_eq!(store.waiting(None, 9).await.unwrap().len(), 2);
}

pub(crate) async fn what_failed_is_due_again_when_it_was_said_and_shown_without_its_content(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let ids = IdGenerator::new([0; 8]);
    store.insert(user(1, "joe@acme", &["user"]), beside([message(&ids, CREATED, 0)])).await.unwrap();
    let claimed = store.claim(CREATED, 1, at(0), at(60)).await.unwrap().remove(0);
    let again = Settlement::Again { at: at(10), error: "no answer".to_owned() };
    store.settle(claimed.message.id, 1, again).await.unwrap();
    assert_eq!(store.claim(CREATED, 1, at(9), at(60)).await, Ok(vec![]));
    let waiting = store.waiting(None, 1).await.unwrap().remove(0);
    assert_eq!((waiting.id, waiting.channel, waiting.due), (claimed.message.id, CREATED, at(10)));
    assert_eq!((waiting.attempts, waiting.error.as_deref()), (1, Some("no answer")));
    assert_eq!(store.waiting(Some(waiting.id), 1).await, Ok(vec![]));
    assert_eq!(store.claim(CREATED, 1, at(10), at(60)).await.unwrap()[0].attempt, 2);
}

pub(crate) async fn of_many_who_take_at_once_each_gets_others(store: Arc<dyn Store>, _: Arc<Notes>) {
    let ids = IdGenerator::new([0; 8]);
    let messages = (0..50).map(|_| message(&ids, CREATED, 0));
    store.insert(user(1, "joe@acme", &["user"]), beside(messages)).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.claim(CREATED, 4, at(0), at(60)).await.unwrap() });
    }
    let mut taken: Vec<_> =
        tasks.join_all().await.concat().iter().map(|claimed| claimed.message.id).collect();
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 50);
}

pub(crate) async fn a_channel_is_bounded_and_the_change_is_made_nevertheless(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let ids = IdGenerator::new([0; 8]);
    let many = (0..MAX_WAITING + 5).map(|_| message(&ids, CREATED, 0));
    store.insert(user(1, "joe@acme", &["user"]), beside(many)).await.unwrap();
    let other = [message(&ids, CREATED, 1), message(&ids, Channel::DeletedWebhook, 1)];
    store.insert(user(2, "ann@acme", &["user"]), beside(other)).await.unwrap();
    let waiting = store.waiting(None, 2 * MAX_WAITING).await.unwrap();
    assert_eq!(waiting.len(), 1 + MAX_WAITING as usize, "another channel has its own bound");
}

pub(crate) async fn whoever_waits_for_messages_hears_of_them(store: Arc<dyn Store>, _: Arc<Notes>) {
    let ids = IdGenerator::new([0; 8]);
    let seen = store.arrived(0).await;
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.arrived(seen).await }
    });
    store.insert(user(1, "joe@acme", &["user"]), beside([message(&ids, CREATED, 0)])).await.unwrap();
    let now = timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
    assert!(now > seen);
    // What came before one asks counts too.
    timeout(Duration::from_secs(20), store.arrived(seen)).await.unwrap();
}
