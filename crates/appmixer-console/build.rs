//! Compresses what is in `assets` and writes the table of it.

#![allow(clippy::print_stdout, reason = "cargo reads standard output")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;
use siphasher::sip128::SipHasher13;

/// What a text has where the version belongs.
const PLACE: &str = "?v=VERSION";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=assets");
    println!("cargo:rerun-if-changed=build.rs");
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("assets");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let assets = read(&folder)?;
    let version = version(&assets);

    let mut table = format!(
        "/// What all assets together are: another one when any of them is.\npub const VERSION: &str = {version:?};\n\n\
         /// Every asset, in the order of their names.\npub static ASSETS: [Asset; {}] = [\n",
        assets.len()
    );
    for (name, bytes) in &assets {
        let kind = media_type(name)?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&versioned(bytes, &version))?;
        fs::write(out.join(name), packed.finish()?)?;
        let _ = writeln!(
            table,
            "    Asset {{ name: {name:?}, media_type: {kind:?}, gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/\", {name:?})), plain: OnceLock::new() }},"
        );
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)
}

/// Every file with its name, in the order of the names.
fn read(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut assets = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| io::Error::other("a name is not UTF-8"))?;
        println!("cargo:rerun-if-changed=assets/{name}");
        assets.push((name, fs::read(entry.path())?));
    }
    assets.sort();
    Ok(assets)
}

fn version(assets: &[(String, Vec<u8>)]) -> String {
    let mut all = Vec::new();
    for (name, bytes) in assets {
        let _ = writeln!(all, "{name} {}", bytes.len());
        all.extend_from_slice(bytes);
    }
    format!("{:016x}", SipHasher13::new().hash(&all).h1)
}

/// The assets that one of them asks for are those of its own version, also where an old one is remembered.
fn versioned(bytes: &[u8], version: &str) -> Vec<u8> {
    match str::from_utf8(bytes) {
        Ok(text) => text.replace(PLACE, &format!("?v={version}")).into_bytes(),
        Err(_) => bytes.to_vec(),
    }
}

fn media_type(name: &str) -> io::Result<&'static str> {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        Some("png") => Ok("image/png"),
        Some("ico") => Ok("image/x-icon"),
        Some("woff2") => Ok("font/woff2"),
        Some("json") => Ok("application/json; charset=utf-8"),
        _ => Err(io::Error::other(format!("assets/{name}: of no kind that is known; see build.rs"))),
    }
}
