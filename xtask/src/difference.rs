//! How two texts differ, line by line.

use std::fmt::Write as _;

use console::style;
use similar::{ChangeTag, TextDiff};

/// For people: what goes and what comes in colour, with two lines around it.
pub(crate) fn shown(old: &str, new: &str) -> String {
    written(old, new, 2, |tag, line| match tag {
        ChangeTag::Delete => style(format!("- {line}")).red().to_string(),
        ChangeTag::Insert => style(format!("+ {line}")).green().to_string(),
        ChangeTag::Equal => format!("  {line}"),
    })
}

/// For comparing with another difference: only what goes and comes.
pub(crate) fn bare(old: &str, new: &str) -> String {
    written(old, new, 0, |tag, line| format!("{tag}{line}"))
}

fn written(old: &str, new: &str, around: usize, form: impl Fn(ChangeTag, &str) -> String) -> String {
    let difference = TextDiff::from_lines(old, new);
    let mut text = String::new();
    for group in difference.grouped_ops(around) {
        for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
            let line = change.to_string_lossy();
            writeln!(text, "{}", form(change.tag(), line.trim_end_matches('\n'))).unwrap_or_default();
        }
        text.push_str("…\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn only_changed_lines_are_left_and_spaces_at_their_end_count() {
        assert_eq!(bare("a\nb\nc\nd\n", "a\nB\nc\nd \n"), "-b\n+B\n…\n-d\n+d \n…\n");
        assert_eq!(bare("a\n", "a\n"), "");
    }
}
