//! Manifests of apps.

#![no_main]

#[path = "../../crates/appmixer-apps/src/manifest.rs"]
mod manifest;

use libfuzzer_sys::fuzz_target;
use manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut manifest) = Manifest::parse(bytes) else { return };
    let name = manifest.name().map(str::to_owned);
    let _ = (manifest.required("label"), manifest.text("icon"));
    let private = manifest.is_private();
    manifest.set_icon("data:".to_owned());
    // What is served says the same as what was read.
    let again = Manifest::parse(manifest.into_json().as_bytes()).expect("what is served is JSON");
    assert_eq!((again.name().map(str::to_owned), again.is_private()), (name, private));
});
