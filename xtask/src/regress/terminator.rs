//! Tests that are older than the psql which runs them.
//!
//! From 15.19 and its siblings on, psql takes what follows a refused `COPY … FROM stdin` for its data, up to a
//! line `\.` (CVE-2026-6464). Scripts from before have no such line where the refusal is what they test, and
//! psql would skip whatever comes next: most of what is tested about row security, for instance.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The first minor versions whose psql wants the line.
const SINCE: [(u16, u16); 4] = [(15, 19), (16, 15), (17, 11), (18, 5)];

/// Whether the tests of one version lack what the psql of the other wants.
pub(super) fn is_lacking(tests: &str, psql: &str) -> bool {
    !wants(tests) && wants(psql)
}

fn wants(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u16>().unwrap_or_default());
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    SINCE.iter().find(|since| since.0 == major).is_none_or(|since| minor >= since.1)
}

/// Gives every script of a suite the lines that it lacks.
pub(super) fn add(suite: &Path) -> Result<()> {
    for entry in fs::read_dir(suite.join("sql")).with_context(|| format!("reading {}", suite.display()))? {
        let script = entry?.path();
        let Some(name) = script.file_stem() else { continue };
        let expected = suite.join("expected").join(name).with_extension("out");
        // Some scripts and what they print are not in UTF-8; none of those copies.
        let (Ok(text), Ok(expected)) = (fs::read_to_string(&script), fs::read_to_string(expected)) else {
            continue;
        };
        let terminated = terminated(&text, &expected);
        if terminated != text {
            fs::write(&script, terminated).with_context(|| format!("writing {}", script.display()))?;
        }
    }
    Ok(())
}

/// The script with a line `\.` after each COPY that is refused before it asks for data.
///
/// What it is expected to print tells them apart: psql repeats the script's lines there, but neither data nor empty
/// lines. So behind the error stands the script's next line, and that is no data.
fn terminated(script: &str, expected: &str) -> String {
    let expected: Vec<&str> = expected.lines().collect();
    let lines: Vec<&str> = script.lines().collect();
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        text.push_str(line);
        text.push('\n');
        let copies = line.to_ascii_lowercase().contains("from stdin") && line.contains(';');
        let next = lines[i + 1..].iter().find(|line| !line.trim().is_empty());
        if copies && next.is_none_or(|next| is_refused(line, next, &expected)) {
            text.push_str("\\.\n");
        }
    }
    text
}

fn is_refused(copy: &str, next: &str, expected: &[&str]) -> bool {
    let repetitions = expected.iter().enumerate().filter(|(_, line)| **line == copy);
    repetitions.map(|(i, _)| &expected[i + 1..]).any(|rest| {
        let told = rest.iter().take_while(|line| is_of_error(line)).count();
        told > 0 && rest.get(told) == Some(&next)
    })
}

/// Whether a line is of an error and its further fields, the mark below the position included.
fn is_of_error(line: &str) -> bool {
    ["ERROR:  ", "LINE ", "DETAIL:  ", "HINT:  ", "CONTEXT:  "].iter().any(|field| line.starts_with(field))
        || line.trim() == "^"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_copy_that_asks_for_no_data_gets_a_terminator() {
        let script = "COPY a FROM stdin; -- fail\n\nCOPY b FROM STDIN;\n1\n\\.\nCOPY b FROM stdin;\nx\n\\.\nSELECT 1;\n";
        let expected = "COPY a FROM stdin; -- fail\nERROR:  no\nLINE 1: COPY a\n             ^\nCOPY b FROM STDIN;\n\
                        COPY b FROM stdin;\nERROR:  invalid\nCONTEXT:  COPY b, line 1: \"x\"\nSELECT 1;\n";
        let rest = script.strip_prefix("COPY a FROM stdin; -- fail\n").expect("its first line");
        assert_eq!(terminated(script, expected), format!("COPY a FROM stdin; -- fail\n\\.\n{rest}"));
    }

    #[test]
    fn only_a_newer_psql_than_the_tests_wants_them() {
        assert!(is_lacking("15.18", "15.20"));
        assert!(!is_lacking("15.19", "15.20"));
        assert!(!is_lacking("15.17", "15.18"));
        assert!(!is_lacking("19.0", "19.1"));
    }
}
