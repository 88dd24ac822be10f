//! The pages of the console: plain HTML, CSS and JavaScript in `assets`, which are compressed when the program is built
//! and are a part of it.
//!
//! ```
//! let page = appmixer_console::page();
//! assert_eq!(page.media_type, "text/html; charset=utf-8");
//! assert!(page.gzip.starts_with(&[0x1f, 0x8b]));
//! assert!(page.plain().starts_with(b"<!doctype html>"));
//! assert!(appmixer_console::find("app.js").is_some());
//! ```
//!
//! An asset that another one names with `?v=VERSION` behind it is asked for with [`VERSION`] in that place: whoever
//! serves it so may let it be kept for ever.
//!
//! # What it does not do
//!
//! - It knows no HTTP: paths, headers and who may see what are for whoever serves it. Nothing in it is secret.
//! - There are no folders: `assets` is flat. A file whose kind is not known ends the build.

use std::io::Read as _;
use std::sync::OnceLock;

use flate2::read::GzDecoder;

/// A file of the console.
#[derive(Debug)]
pub struct Asset {
    /// Its name, as `app.js`.
    pub name: &'static str,
    /// What it is (RFC 9110 section 8.3.1).
    pub media_type: &'static str,
    /// What is in it, as gzip (RFC 1952).
    pub gzip: &'static [u8],
    plain: OnceLock<Vec<u8>>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The name of the one page.
const PAGE: &str = "index.html";

impl Asset {
    /// What is in it, for the few who do not take gzip; kept from then on.
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        self.plain.get_or_init(|| {
            let mut plain = Vec::new();
            // It was compressed by our own build, so there is nothing that could fail.
            let _ = GzDecoder::new(self.gzip).read_to_end(&mut plain);
            plain
        })
    }
}

/// The asset of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.name.cmp(name)).ok().map(|place| &ASSETS[place])
}

/// The one page; what it shows it asks for.
#[must_use]
pub fn page() -> &'static Asset {
    // A build without it would not have passed the tests.
    find(PAGE).unwrap_or(&ASSETS[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_by_its_name_and_is_what_it_was() {
        for asset in &ASSETS {
            assert_eq!(find(asset.name).unwrap().gzip, asset.gzip);
            assert!(!asset.plain().is_empty(), "{}", asset.name);
        }
        assert_eq!(page().name, PAGE);
        for nothing in ["", ".", "..", "../Cargo.toml", "app.js/", "App.js"] {
            assert!(find(nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn what_the_assets_name_is_there_in_their_own_version_and_nothing_is_loaded_from_elsewhere() {
        for asset in ASSETS.iter().filter(|asset| asset.media_type.starts_with("text/")) {
            let text = str::from_utf8(asset.plain()).unwrap();
            assert!(!text.contains("?v=VERSION"), "{}", asset.name);
            for (before, _) in text.match_indices(&format!("?v={VERSION}")) {
                let name = text[..before].rsplit(['/', '"', '\'', '(', '`']).next().unwrap();
                assert!(find(name).is_some(), "{} names {name}", asset.name);
            }
        }
        // A module that is named in two ways is loaded twice, and has its state twice.
        for module in ASSETS.iter().filter(|asset| asset.media_type.starts_with("text/javascript")) {
            let text = str::from_utf8(module.plain()).unwrap();
            let named = text.split("'./").skip(1).map(|rest| rest.split('\'').next().unwrap());
            let bare: Vec<_> = named.filter(|name| !name.ends_with(&format!("?v={VERSION}"))).collect();
            assert!(bare.is_empty(), "{} names {bare:?}", module.name);
        }
        let page = str::from_utf8(page().plain()).unwrap();
        assert!(page.contains(&format!("/console/assets/app.js?v={VERSION}")));
        for forbidden in ["<style", " style=", "src=\"http", "href=\"http", " onclick="] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn all_of_it_is_small() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!(bytes < 200_000, "{bytes} bytes compressed");
    }
}
