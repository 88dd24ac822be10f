//! `/audit`: the audit log.

use appmixer_core::{InvalidAuditId, InvalidId, InvalidTime};

use crate::error::ApiError;
use crate::openapi::book::{Book, Who};
use crate::openapi::samples::{SAMPLE_ID, Samples};
use crate::openapi::wire::{AskedTime, AuditId, AuditKind, AuditRecord, Id, Limit};
use crate::router::Resource;

pub(super) fn write(book: &mut Book, samples: &Samples) {
    let wrong = |name, message: &dyn ToString| ApiError::invalid_one(name, &message.to_string());

    book.subject("Audit log", "Who did what, from where, and when.");
    book.route("GET", Resource::Audit, "getAudit", "The audit log, newest first", Who::Admin)
        .about(
            "Every sign-in, good and bad, and every change to a user, to the system configuration and to the access \
            rules. All parameters must hold. When there is more, `Link` has the next page.",
        )
        .query::<AskedTime>("from", "Entries of then or later.", "2026-01-31T00:00:00.000Z")
        .query::<AskedTime>("to", "Entries before it.", "2026-02-01T00:00:00.000Z")
        .query::<Id>("user", "What this user did, and what was done to it.", SAMPLE_ID)
        .query::<Vec<AuditKind>>("kind", "A kind; again and again for several.", vec!["sign-in-failed", "user-changed"])
        .query::<AuditId>("before", "An entry's `id`: what is older.", 43)
        .query::<AuditId>("after", "An entry's `id`: what is newer.", 1)
        .query::<Limit>("limit", "How many.", 100)
        .answers_as::<Vec<AuditRecord>>("The entries.", &[&samples.record])
        .may_have("Link")
        .fails(wrong("from", &InvalidTime), "also of `to`")
        .fails(wrong("user", &InvalidId), "it is no id")
        .fails(wrong("kind", &"must be one of sign-in, …"), "it is no kind")
        .fails(wrong("before", &InvalidAuditId), "also of `after`")
        .fails(wrong("limit", &"must be a whole number from 1 to 1000"), "it is something else")
        .fails(wrong("limit", &"must be given once"), "also of the others, but for `kind`")
        .done();
}
