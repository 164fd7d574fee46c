//! Whether the source of a function mentions a table.

use std::collections::HashSet;

/// The words of one source text, read once and asked for many tables.
#[derive(Debug)]
pub struct Words {
    text: String,
    words: HashSet<String>,
}

impl Words {
    /// Splits a source text.
    pub fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !is_word(c)).filter(|w| !w.is_empty()).map(str::to_owned).collect();
        Self { text, words }
    }

    /// Whether the name stands there as a word, in any case. A comment counts too: a hint too many
    /// costs a look, one too few a leak.
    pub fn mention(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        if name.chars().all(is_word) {
            self.words.contains(&name)
        } else {
            self.text.contains(&name) || self.text.contains(&name.replace('"', "\"\""))
        }
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_count_in_any_case() {
        let words = Words::of("SELECT * FROM public.Agents a, \"my Table\" -- calls\n");
        for (name, want) in
            [("agents", true), ("agent", false), ("calls", true), ("my Table", true), ("public", true)]
        {
            assert_eq!(words.mention(name), want, "{name}");
        }
    }
}
