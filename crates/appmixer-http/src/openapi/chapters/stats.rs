//! `/stats`: how it goes, in numbers.

use appmixer_core::MAX_DAYS;

use crate::error::ApiError;
use crate::openapi::book::{Book, Who};
use crate::openapi::samples::Samples;
use crate::openapi::wire::Days;
use crate::router::Resource;
use crate::routes::stats::DEFAULT_DAYS;

pub(super) fn write(book: &mut Book, samples: &Samples) {
    book.subject("Statistics", "How it goes, in numbers.");
    book.route("GET", Resource::Stats, "getStats", "Users, sign-ins and requests", Who::Admin)
        .about(
            "Users and days are those of all nodes. What is under `node` is about the one that answers, since its start, \
            and about the last hour.",
        )
        .query::<Days>("days", "How many days, today among them.", DEFAULT_DAYS)
        .answers("The numbers.", &samples.stats())
        .fails(
            ApiError::invalid_one("days", &format_args!("must be a whole number from 1 to {MAX_DAYS}")),
            "it is something else",
        )
        .fails(ApiError::invalid_one("days", &"must be given once"), "it is there twice")
        .done();
}
