//! Pictures that stand beside a manifest.

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// The kinds of picture, in the order in which they are looked for.
const KINDS: &[(&str, &str)] = &[
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
];

/// The media type of a file, if it is a picture.
pub(crate) fn media_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    KINDS.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known)).map(|(_, media_type)| *media_type)
}

/// The file that shows a manifest's icon: the one that the manifest names, or else `icon.svg` and its like.
pub(crate) fn choose<'a>(named: &str, beside: &[&'a str]) -> Option<&'a str> {
    let beside = || beside.iter().copied();
    if named.is_empty() {
        let named_icon = |kind: &str| beside().find(|name| name.strip_prefix("icon.") == Some(kind));
        return KINDS.iter().find_map(|(kind, _)| named_icon(kind));
    }
    beside().find(|name| *name == named.strip_prefix("./").unwrap_or(named) && media_type(name).is_some())
}

/// The picture as a data URL (RFC 2397).
pub(crate) fn data_url(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_is_the_named_file_or_one_called_icon_and_never_one_elsewhere() {
        let beside = ["a.png", "component.json", "icon.gif", "icon.png", "secret.txt"];
        let choose = |named| choose(named, &beside);
        assert_eq!(choose(""), Some("icon.png"));
        assert_eq!(choose("a.png"), Some("a.png"));
        assert_eq!(choose("./a.png"), Some("a.png"));
        for not_beside in
            ["../a.png", "/a.png", "b.png", "secret.txt", "data:image/png;base64,", "https://a.b/a.png"]
        {
            assert_eq!(choose(not_beside), None, "{not_beside}");
        }
    }

    #[test]
    fn data_urls_name_their_kind() {
        assert_eq!(data_url(media_type("x.SVG").unwrap(), b"<svg/>"), "data:image/svg+xml;base64,PHN2Zy8+");
        assert_eq!(media_type("svg"), None);
    }
}
