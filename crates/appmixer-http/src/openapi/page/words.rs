//! Descriptions as HTML: paragraphs, and what backticks mark.

use maud::{Markup, html};
use serde_json::Value;

/// The text, or nothing.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Paragraphs.
pub(super) fn prose(text: &str) -> Markup {
    html! { @for paragraph in text.split("\n\n").filter(|text| !text.is_empty()) { p { (inline(paragraph)) } } }
}

/// What stands between backticks is code.
pub(super) fn inline(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_mark_code_and_nothing_gets_through_as_html() {
        assert_eq!(inline("say `<a>` & <b>").into_string(), "say <code>&lt;a&gt;</code> &amp; &lt;b&gt;");
        assert_eq!(prose("one\n\ntwo").into_string(), "<p>one</p><p>two</p>");
        assert_eq!(prose("").into_string(), "");
    }
}
