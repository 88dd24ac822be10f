//! The values that the document's examples are rendered from.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use appmixer_core::{
    AclType, Actor, AuditDetails, AuditEntry, AuditId, AuditKind, AuditRecord, ConfigEntry, ConfigKey, Daily,
    Day, InvalidConfig, InvalidId, InvalidName, InvalidProfile, Metadata, Names, Origin, PasswordHash, Plan,
    RuleSet, Scopes, Ticket, Timestamp, User, UserId, Username, Vendor,
};
use appmixer_token::Algorithm;
use serde_json::{Map, json};
use thiserror::Error;

use crate::history::Minute;
use crate::keys::{KeySource, KeyState, ListedKey, Rotated};
use crate::routes::status::ROOT;
use crate::stats_views::{DailyView, HashQueueView, MinuteView, NodeView, RequestsView, StatsView};
use crate::traffic::Totals;

/// Whoever the examples are about.
pub(super) const SAMPLE_ID: &str = "5c88c7cc04a917256c726c3d";

/// A sample is not what it should be: a defect.
#[derive(Debug, Error)]
pub(super) enum SampleError {
    #[error("the sample's id {0}")]
    Id(#[from] InvalidId),
    #[error("the sample's name {0}")]
    Name(#[from] InvalidName),
    #[error("the sample's profile {0}")]
    Profile(#[from] InvalidProfile),
    #[error("the sample has no name")]
    Nameless,
    #[error("the sample's configuration {0}")]
    Config(#[from] InvalidConfig),
}

pub(super) struct Samples {
    pub(super) user: User,
    pub(super) entry: ConfigEntry,
    pub(super) rules: RuleSet,
    pub(super) record: AuditRecord,
    pub(super) ticket: Ticket,
    pub(super) token: &'static str,
    pub(super) key: ListedKey,
    pub(super) rotated: Rotated,
}

impl Samples {
    pub(super) fn new() -> Result<Self, SampleError> {
        let id: UserId = SAMPLE_ID.parse()?;
        let created = Timestamp::from_millis(1_552_467_916_123);
        let mut metadata = Map::new();
        metadata.insert("shoeSize".to_owned(), json!(43));
        let user = User {
            id,
            names: Names::new(Some(Username::parse("abc@example.com")?), None)
                .ok_or(SampleError::Nameless)?,
            password_hash: PasswordHash::from_phc(String::new()),
            scopes: Scopes::of_new_user(),
            plan: Plan::free(),
            is_active: false,
            vendor: Vendor::parse(["acme"])?,
            allowed_private_components: Vec::new(),
            phone_number: None,
            title: None,
            metadata: Metadata::new(metadata)?,
            created,
            modified: created,
            generation: 0,
            confirmation_pending: false,
            address_vouched: false,
        };
        let entry = ConfigEntry::new(ConfigKey::parse("APP_NAME")?, "Acme".into(), 0)?;
        let origin =
            Origin { actor: Actor::User(id), address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))) };
        let noted =
            AuditEntry::new(created, AuditKind::ConfigSet, &origin).with(AuditDetails::key(entry.key()));
        let record = AuditRecord { id: AuditId::from_store(42), entry: noted };
        let ticket = Ticket::new("5c88c9f704a917256c726c41".parse()?);
        // Header and claims are real; nobody has signed it.
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6IjVjODhjN2NjMDRhOTE3MjU2YzcyNmMzZCIsInNjb3BlIjpbInVzZXIiXSwiaWF0IjoxNTUyNDkyNjA5LCJleHAiOjE1NTUwODQ2MDl9.c2lnbmVkIGJ5IG5vYm9keSBhbmQgZ29vZCBmb3Igbm9u";
        let key = ListedKey {
            id: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".to_owned(),
            algorithm: Algorithm::EdDsa.to_string(),
            source: KeySource::Database,
            state: KeyState::Next,
            created: Some(created),
            activates: Some(created.after(Duration::from_mins(10))),
            ends: None,
        };
        let rotated = Rotated { key: key.clone(), others_end: created.after(Duration::from_hours(30 * 24)) };
        Ok(Self {
            key,
            rotated,
            record,
            user,
            entry,
            rules: RuleSet::defaults(AclType::Routes),
            ticket,
            token,
        })
    }

    pub(super) fn stats(&self) -> StatsView {
        let began = self.user.created;
        let minute = Minute { at: began, totals: Totals::default(), hash_waiting: 0 };
        let daily = Daily { day: Day::of(began), sign_ups: 3, sign_ins: 120, failures: 7 };
        StatsView {
            users: 250,
            active: 200,
            days: vec![DailyView::of(&daily)],
            node: NodeView {
                version: ROOT.version,
                uptime: 86_400,
                hash_queue: HashQueueView { waiting: 0, capacity: 200 },
                requests: RequestsView { total: 4200, p50: Some(0.000_08), p99: Some(0.024) },
                minutes: vec![MinuteView::of(&minute)],
            },
        }
    }
}
