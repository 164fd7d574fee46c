//! Whether the source of a function mentions a table.

use std::collections::{BTreeSet, HashMap};

/// The names of many tables, to be looked for in many texts: a text costs a lookup for each of its
/// words, however many names there are.
#[derive(Debug, Default)]
pub struct Names {
    /// The places of those that are words, by the word.
    words: HashMap<String, Vec<usize>>,
    /// The others, as they are and as they stand between quotes, with their places.
    phrases: Vec<(String, String, usize)>,
}

impl Names {
    /// Takes the names in; each is known by its place.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        for (place, name) in names.into_iter().enumerate() {
            let name = name.to_lowercase();
            if name.chars().all(is_word) {
                found.words.entry(name).or_default().push(place);
            } else {
                let quoted = name.replace('"', "\"\"");
                found.phrases.push((name, quoted, place));
            }
        }
        found
    }

    /// The places of the names that stand in the text as words, in any case. A comment counts too: a
    /// hint too many costs a look, one too few a leak.
    #[must_use]
    pub fn mentioned_in(&self, text: &str) -> BTreeSet<usize> {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !is_word(c)).filter_map(|word| self.words.get(word)).flatten();
        let phrases = self
            .phrases
            .iter()
            .filter(|(name, quoted, _)| text.contains(name) || text.contains(quoted))
            .map(|(_, _, place)| place);
        words.chain(phrases).copied().collect()
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
        let text = "SELECT * FROM public.Agents a, \"my Table\", \"a\"\"b\" -- calls\n";
        for (name, want) in [
            ("agents", true),
            ("agent", false),
            ("calls", true),
            ("my Table", true),
            ("a\"b", true),
            ("b c", false),
            ("public", true),
        ] {
            assert_eq!(!Names::new([name]).mentioned_in(text).is_empty(), want, "{name}");
        }
    }

    #[test]
    fn every_table_of_a_name_is_found_by_its_place() {
        let names = Names::new(["calls", "agents", "Calls", "my table"]);
        assert_eq!(names.mentioned_in("calls and CALLS"), BTreeSet::from([0, 2]));
        assert_eq!(names.mentioned_in("my table of agents"), BTreeSet::from([1, 3]));
        assert_eq!(names.mentioned_in(""), BTreeSet::new());
    }
}
