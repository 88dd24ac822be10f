//! Reads a folder of Appmixer connector manifests, and reads it again when it changes.
//!
//! The layout is that of Appmixer's public connectors:
//!
//! ```text
//! VENDOR/SERVICE/service.json
//! VENDOR/SERVICE/COMPONENT/component.json
//! VENDOR/SERVICE/MODULE/module.json                 if the module is an app of its own
//! VENDOR/SERVICE/MODULE/COMPONENT/component.json
//! ```
//!
//! ```
//! use appmixer_apps::{Apps, Limits};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let component = folder.path().join("acme/mail/Send");
//! std::fs::create_dir_all(&component)?;
//! std::fs::write(component.join("component.json"), r#"{ "name": "acme.mail.Send" }"#)?;
//! let service = r#"{ "name": "acme.mail", "label": "Mail" }"#;
//! std::fs::write(folder.path().join("acme/mail/service.json"), service)?;
//!
//! let apps = Apps::watch(folder.path().into(), Limits::default())?;
//! let catalog = apps.ready().await;
//! assert_eq!(catalog.apps()[0].label(), "Mail");
//! assert_eq!(catalog.components()[0].manifest(), r#"{"name":"acme.mail.Send"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//!
//! - What is served is whole: the last catalogue stays until the next one has been read. A folder that is
//!   replaced by another one, or by a link to another one, is seen like any other change.
//! - A manifest that is no good is skipped, and told once in the log (`tracing`), with its name.
//! - Nothing outside of the folder is read. Links within it are not followed, files that are none (pipes,
//!   devices) are not opened, and number and size of what is read have [`Limits`].
//! - A look at the folder every second at most costs half a percent of one core: the longer a look takes, the
//!   rarer they are. Works on every file system, network ones too, which notifications do not.
//!
//! It knows nothing of HTTP, users or rules.

mod catalog;
mod icon;
mod limits;
mod load;
mod look;
mod manifest;
mod watch;

pub use catalog::{App, Catalog, Component, Selection};
pub use limits::Limits;
pub use watch::{Apps, WatchError};
