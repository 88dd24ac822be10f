//! What is said about the routes, a file a subject, in the order in which people read it.
//!
//! A new route needs its entry here, or a test fails. An entry names the route, gives the value that it renders
//! (its type is the schema, the value the example), and the errors that it has beyond those of its kind
//! (`standard.rs`).

mod account;
mod acl;
mod apps;
mod audit;
mod config;
mod keys;
mod server;
mod stats;
mod users;
mod verify;

use super::book::Book;
use super::samples::Samples;

pub(super) fn write(book: &mut Book, samples: &Samples) {
    account::write(book, samples);
    users::write(book, samples);
    config::write(book, samples);
    acl::write(book, samples);
    keys::write(book, samples);
    apps::write(book, samples);
    audit::write(book, samples);
    stats::write(book, samples);
    verify::write(book, samples);
    server::write(book, samples);
}
