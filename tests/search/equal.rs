//! Random rows and random searches: with the setting, without it, and as the superuser writes it by hand.

use postgres::SimpleQueryMessage;

use super::ground::{Ground, SETTING};
use crate::harness::{Refusal, Session};

/// A small generator of its own, so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn word(&mut self) -> &'static str {
        const WORDS: [&str; 14] = [
            "apple",
            "Apfel",
            "pear",
            "peach",
            "plum",
            "APPLE",
            "grape_fruit",
            "fig",
            "über",
            "a%b",
            "c\\\\d",
            "kiwi",
            "KIWI",
            "x",
        ];
        self.of(&WORDS)
    }

    /// A word as jsonb, arrays and tsquery have it.
    fn plain(&mut self) -> &'static str {
        self.of(&["apple", "pear", "plum", "fig", "kiwi", "grape"])
    }

    fn like(&mut self) -> String {
        let mut pattern = String::new();
        for _ in 0..=self.below(3) {
            pattern += self.of(&["%", "_", "", "%%", " "]);
            let word = self.word();
            let cut = word.char_indices().map(|(i, _)| i).nth(self.below(4) as usize).unwrap_or(0);
            pattern += &word[cut..];
        }
        pattern + self.of(&["%", "", "_", "\\\\", "%"])
    }

    fn query(&mut self) -> String {
        let mut query = self.plain().to_owned();
        for _ in 0..self.below(3) {
            query = format!(
                "{query} {} {}{}{}",
                self.of(&["&", "|", "<->"]),
                self.of(&["", "!"]),
                self.plain(),
                self.of(&["", ":*", ":A"])
            );
        }
        query
    }

    fn array(&mut self) -> String {
        let words: Vec<&str> = (0..self.below(4)).map(|_| self.plain()).collect();
        words.join(",")
    }

    fn one(&mut self) -> String {
        match self.below(10) {
            0 | 1 => format!("body {} E'{}'", self.of(&["LIKE", "ILIKE"]), self.like()),
            2 => format!("title {} E'{}'", self.of(&["LIKE", "ILIKE"]), self.like()),
            3 => format!("body % E'{} {}'", self.word(), self.word()),
            4 => format!("words @@ '{}'::tsquery", self.query()),
            5 => format!(
                "doc @> '{{\"{}\": {}}}'",
                self.plain(),
                self.of(&["1", "2", "[\"fig\"]", "{}", "\"kiwi\"", "null"])
            ),
            6 => format!("doc ? '{}'", self.plain()),
            7 => format!("doc {} '{{{}}}'", self.of(&["?|", "?&"]), self.array()),
            8 => format!("tags {} '{{{}}}'", self.of(&["@>", "&&", "<@"]), self.array()),
            _ => format!(
                "places {} '{{{}}}'",
                self.of(&["@>", "&&", "<@"]),
                self.of(&["1", "2,3", "", "4,4", "7"])
            ),
        }
    }

    fn condition(&mut self) -> String {
        let first = self.one();
        match self.below(4) {
            0 => format!("{first} AND {}", self.one()),
            1 => format!("({first} OR {})", self.one()),
            2 => format!("NOT ({first}) AND {}", self.one()),
            _ => first,
        }
    }
}

const ROWS: &str = "
    TRUNCATE docs;
    SELECT setseed(0.42);
    INSERT INTO docs
    SELECT g, o, words[1] || ' ' || words[2] || repeat(' ' || words[3], (random() * 2)::int), left(words[4] || words[5], 80),
           CASE WHEN random() < 0.95 THEN setweight(to_tsvector('simple', array_to_string(words[1:3], ' ')), CASE WHEN random() < 0.3 THEN 'A' ELSE 'D' END::\"char\") END,
           CASE WHEN random() < 0.95 THEN jsonb_build_object(plain[1], (random() * 2)::int, plain[2], jsonb_build_array(plain[3]), plain[4], '{}'::jsonb) END,
           CASE WHEN random() < 0.95 THEN plain[1:(random() * 4)::int] END,
           CASE WHEN random() < 0.95 THEN ARRAY[(random() * 8)::int, (random() * 8)::int] END
    FROM generate_series(1, 1200) g,
    LATERAL (SELECT (ARRAY['a','b','b','c','c','c','c','c'])[1 + (random() * 7)::int] AS o,
        ARRAY(SELECT (ARRAY['apple','Apfel','pear','peach','plum','APPLE','grape_fruit','fig','über','a%b',E'c\\\\d','kiwi','KIWI','x',''])[1 + (random() * 14)::int + 0 * g] FROM generate_series(1, 5)) AS words,
        ARRAY(SELECT (ARRAY['apple','pear','plum','fig','kiwi','grape'])[1 + (random() * 5)::int + 0 * g] FROM generate_series(1, 5)) AS plain) AS r";

fn ids(messages: &[SimpleQueryMessage]) -> Vec<String> {
    let id = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    messages.iter().filter_map(id).collect()
}

#[test]
fn the_rows_are_the_same_with_it_without_it_and_by_hand() {
    let ground = Ground::new("search_equal");
    ground.db.superuser().run(ROWS);
    ground.owner().run("VACUUM ANALYZE docs");
    let (mut with, mut without, mut superuser) =
        (ground.searcher("a"), ground.other("a"), ground.db.superuser());
    assert_eq!(
        [with.text(&format!("SHOW {SETTING}")), without.text(&format!("SHOW {SETTING}"))],
        ["on", "off"]
    );
    let (mut by_index, mut not_empty) = (0, 0);
    let mut dice = Dice(20_261_121);
    for turn in 0..400 {
        let org = ["a", "b", "c", "nobody"][turn % 4];
        let condition = dice.condition();
        for session in [&mut with, &mut without] {
            session.act_for(org);
        }
        let by_hand = format!("org_id = '{org}' AND {condition}");
        let ask = |session: &mut Session, condition: &str| {
            let sql = format!("SELECT id FROM docs WHERE {condition} ORDER BY id");
            let rows = session.client().simple_query(&sql).map_err(Refusal::from);
            rows.map(|rows| ids(&rows)).map_err(|refusal| refusal.sqlstate)
        };
        // What raises with it raises without it too; the other way round an index may have left out the row.
        let (seen, plainly) = (ask(&mut with, &condition), ask(&mut without, &condition));
        assert!(
            seen == plainly || (seen.is_ok() && plainly.is_err()),
            "{org}: {condition}: {seen:?} {plainly:?}"
        );
        if let Ok(seen) = &seen {
            if let Ok(truth) = ask(&mut superuser, &by_hand) {
                assert_eq!(*seen, truth, "{org}: {condition}");
            }
            not_empty += usize::from(!seen.is_empty());
            by_index += usize::from(
                with.plan(&format!("SELECT id FROM docs WHERE {condition}")).contains("Bitmap Index Scan"),
            );
        }
    }
    assert!(by_index > 200 && not_empty > 100, "{by_index} by index, {not_empty} not empty");
}
