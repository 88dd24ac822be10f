//! Lists for people: aligned at a terminal, and one plain line a row elsewhere.

use std::io::{self, IsTerminal as _};

use rustix::termios::tcgetwinsize;
use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::failure::Failure;
use crate::output;

/// No column gets narrower to fit.
const NARROWEST: usize = 8;
/// What stands between two columns at a terminal.
const GAP: &str = "  ";

pub(super) struct Column {
    title: &'static str,
    /// Never cut: people copy it.
    is_whole: bool,
}

impl Column {
    pub(super) const fn new(title: &'static str) -> Self {
        Self { title, is_whole: false }
    }

    pub(super) const fn whole(title: &'static str) -> Self {
        Self { title, is_whole: true }
    }
}

/// Prints rows, some at a time.
pub(super) struct Table<const N: usize> {
    columns: [Column; N],
    widths: [usize; N],
    /// What stands between two cells where nobody looks.
    separator: &'static str,
    /// How wide the terminal is; none where there is none.
    terminal: Option<usize>,
    has_begun: bool,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(columns: [Column; N], separator: &'static str) -> Self {
        let stdout = io::stdout();
        let width =
            || tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
        let terminal = stdout.is_terminal().then(|| width().unwrap_or(usize::MAX));
        Self::for_terminal(columns, separator, terminal)
    }

    fn for_terminal(columns: [Column; N], separator: &'static str, terminal: Option<usize>) -> Self {
        let widths = columns.each_ref().map(|column| column.title.width());
        Self { columns, widths, separator, terminal, has_begun: false }
    }

    /// Whether somebody looks.
    pub(super) const fn is_at_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// Prints these rows behind those before.
    pub(super) fn print(&mut self, rows: &[[String; N]]) -> Result<(), Failure> {
        output::write(self.text(rows).as_bytes())
    }

    /// These rows as [`print`](Self::print) shows them.
    pub(super) fn text(&mut self, rows: &[[String; N]]) -> String {
        let Some(terminal) = self.terminal else {
            return rows.iter().map(|row| row.join(self.separator) + "\n").collect();
        };
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        self.fit(terminal);
        let titles = self.columns.each_ref().map(|column| column.title.to_owned());
        let begin = if self.has_begun { &[] } else { std::slice::from_ref(&titles) };
        self.has_begun = self.has_begun || !rows.is_empty();
        // A heading without anything below it says nothing.
        let begin = if rows.is_empty() { &[] } else { begin };
        begin.iter().chain(rows).map(|row| self.line(row)).collect()
    }

    /// Takes from the widest columns until a line fits, or nothing more can be taken.
    fn fit(&mut self, terminal: usize) {
        let gaps = GAP.len() * N.saturating_sub(1);
        let total = |widths: &[usize; N]| widths.iter().sum::<usize>() + gaps;
        while total(&self.widths) > terminal {
            let cut = self.widths.iter_mut().zip(&self.columns);
            let cut = cut.filter(|(width, column)| !column.is_whole && **width > NARROWEST);
            let Some((width, _)) = cut.max_by_key(|(width, _)| **width) else { return };
            *width -= 1;
        }
    }

    fn line(&self, row: &[String; N]) -> String {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(self.widths) {
            if !line.is_empty() {
                line.push_str(GAP);
            }
            let cell = cut(cell, width);
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

/// The text, or its beginning and an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let beginning = text.chars().take_while(|c| {
        let needed = c.width().unwrap_or(0);
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    });
    beginning.chain(['…']).collect()
}

/// Prints one JSON text a line, for scripts.
pub(super) fn print_json_lines(values: &[impl Serialize]) -> Result<(), Failure> {
    let lines: io::Result<String> = values.iter().map(|value| Ok(json_of(value)? + "\n")).collect();
    output::write(lines?.as_bytes())
}

pub(super) fn json_of(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(terminal: Option<usize>, rows: &[[&str; 2]]) -> String {
        let mut table = Table::for_terminal([Column::whole("ID"), Column::new("NAME")], " = ", terminal);
        rows.chunks(2)
            .map(|rows| table.text(&rows.iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>()))
            .collect()
    }

    #[test]
    fn elsewhere_a_row_is_a_line_and_nothing_else() {
        assert_eq!(table(None, &[["1", "a"], ["22", "b b"]]), "1 = a\n22 = b b\n");
        assert_eq!(table(None, &[]), "");
    }

    #[test]
    fn at_a_terminal_columns_are_aligned_below_their_titles() {
        assert_eq!(table(Some(80), &[["1", "a"], ["22222", ""]]), "ID     NAME\n1      a\n22222\n");
        assert_eq!(table(Some(80), &[["1", "a"], ["2", "b"], ["3", "c"]]), "ID  NAME\n1   a\n2   b\n3   c\n");
        assert_eq!(table(Some(80), &[]), "");
        // Two cells for each of these.
        assert_eq!(table(Some(80), &[["日本", "a"], ["1", "b"]]), "ID    NAME\n日本  a\n1     b\n");
    }

    #[test]
    fn what_does_not_fit_is_cut_unless_it_must_stay_whole() {
        let long = [["123456789012", "a name that is long"]];
        assert_eq!(table(Some(26), &long), "ID            NAME\n123456789012  a name that…\n");
        assert_eq!(table(Some(5), &long), "ID            NAME\n123456789012  a name …\n");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
    }
}
