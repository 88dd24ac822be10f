//! The form of manual pages that `mandoc -Tlint` accepts.

/// Bytes of a line of a manual page.
const WIDTH: usize = 80;

/// Where clap puts the examples, which must keep their lines.
const EXAMPLES: &str = ".SH EXTRA";

/// Rewrites what clap has rendered: short lines, no blanks at their ends, breaks only where they do something, and
/// examples as they stand.
pub(super) fn tidy(page: &str) -> String {
    let (mut text, mut as_it_stands, mut needs_break) = (String::new(), false, false);
    for line in page.lines().map(str::trim_end) {
        if line.starts_with(".SH") {
            if std::mem::take(&mut as_it_stands) {
                text.push_str(".fi\n");
            }
            needs_break = false;
        }
        match line {
            EXAMPLES => {
                as_it_stands = true;
                text.push_str(".SH EXAMPLES AND NOTES\n.nf\n");
            }
            _ if as_it_stands => push_as_it_stands(&mut text, line),
            "" | ".br" => needs_break = true,
            _ => {
                if std::mem::take(&mut needs_break) && !line.starts_with('.') {
                    text.push_str(".br\n");
                }
                push_filled(&mut text, line);
            }
        }
    }
    if as_it_stands {
        text.push_str(".fi\n");
    }
    text
}

/// A line whose end means no more than a blank does; a request stays whole.
fn push_filled(text: &mut String, line: &str) {
    let mut rest = line;
    while rest.len() > WIDTH && !line.starts_with(['.', '\'']) {
        let Some(end) = blank_within(rest, WIDTH) else { break };
        text.push_str(rest[..end].trim_end());
        text.push('\n');
        rest = rest[end..].trim_start();
        if rest.starts_with(['.', '\'']) {
            text.push_str("\\&");
        }
    }
    text.push_str(rest);
    text.push('\n');
}

/// A line of an example: its parts are joined again by the backslash.
fn push_as_it_stands(text: &mut String, line: &str) {
    let mut rest = line;
    while rest.len() > WIDTH {
        let Some(end) = blank_within(rest, WIDTH - 2) else { break };
        text.push_str(&rest[..=end]);
        text.push_str("\\\n");
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    text.push('\n');
}

/// The last blank within so many bytes that has text before it.
fn blank_within(text: &str, width: usize) -> Option<usize> {
    let start = text.len() - text.trim_start().len();
    let end = text.char_indices().map(|(place, _)| place).take_while(|place| *place < width).last()?;
    text[..end].rfind(' ').filter(|place| *place > start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_filled_and_examples_keep_their_lines() {
        let long = "word ".repeat(30);
        let page = format!(
            ".SH NAME\n{long}\n\n.br\nmore \n.SH EXTRA\nExamples:\n  {long}\n\nend\n.SH VERSION\n1\n"
        );
        let tidied = tidy(&page);
        assert!(tidied.lines().all(|line| line.len() <= WIDTH && line.trim_end() == line), "{tidied}");
        assert!(tidied.contains("\n.br\nmore\n.SH EXAMPLES AND NOTES\n.nf\nExamples:\n  word"), "{tidied}");
        assert!(tidied.contains("\n\nend\n.fi\n.SH VERSION\n1\n"), "{tidied}");
        assert_eq!(tidied.matches("word").count(), 60);
    }
}
