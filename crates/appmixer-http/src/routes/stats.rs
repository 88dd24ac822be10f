//! `GET /stats`: how it goes, in numbers, for administrators.

use appmixer_core::{Filter, MAX_DAYS, Scope, UserQuery, daily};

use crate::app::App;
use crate::error::ApiError;
use crate::head::Head;
use crate::response::{Answer, private_json};
use crate::routes::status::ROOT;
use crate::stats_views::{DailyView, HashQueueView, MinuteView, NodeView, RequestsView, StatsView};

pub(crate) const DEFAULT_DAYS: u32 = 30;

pub(crate) async fn get(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    app.require(head.headers, &Scope::admin()).await?;
    let mut query = head.query()?;
    let days = query.number("days", 1, MAX_DAYS).unwrap_or(DEFAULT_DAYS);
    query.finish()?;

    let (store, now) = (&app.ctx.store, app.ctx.clock.now());
    let users = store.count(UserQuery::default()).await?;
    let only_active = UserQuery { filters: vec![Filter::IsActive(true)], ..UserQuery::default() };
    let active = store.count(only_active).await?;
    let days = daily(&**store, now, days).await?;

    let (queue, totals) = (app.ctx.hasher.queue(), app.traffic.totals());
    let (minutes, hour) = app.history.last_hour(now, &totals);
    private_json(&StatsView {
        users,
        active,
        days: days.iter().map(DailyView::of).collect(),
        node: NodeView {
            version: ROOT.version,
            uptime: app.started.elapsed().as_secs(),
            hash_queue: HashQueueView { waiting: queue.waiting, capacity: queue.capacity },
            requests: RequestsView {
                total: totals.answered(),
                p50: hour.quantile(0.5),
                p99: hour.quantile(0.99),
            },
            minutes: minutes.iter().map(MinuteView::of).collect(),
        },
    })
}
