//! The differences that are as they should be, each with the reason.

use super::comparison::Difference;
use super::setting::Round;
use super::suite::Suite;

/// A difference of one test, and why it is right. Only exactly these lines are excused.
#[derive(Debug)]
struct Explained {
    round: &'static str,
    suite: &'static str,
    test: &'static str,
    why: &'static str,
    /// As [`Difference::bare`] has them, with `<oid>` for every OID that the server gave out.
    lines: &'static str,
}

const EXPLAINED: &[Explained] = &[Explained {
    round: "alone_created",
    suite: "regress",
    test: "opr_sanity",
    why: "it lists every function with SECURITY DEFINER, and the extension has these four: \
          they alone may write into its tables",
    lines: "- oid | proname 
------+---------
-(0 rows)
+  oid  |   proname   
+-------+-------------
+ <oid> | allow
+ <oid> | disallow
+ <oid> | bind_role
+ <oid> | unbind_role
+(4 rows)
…
-(passed)
+(failed)
…
",
}];

/// Why a difference is right, if it is one of these.
pub(super) fn of(round: &Round, suite: &Suite, difference: &Difference) -> Option<&'static str> {
    let of_test =
        |e: &&Explained| e.round == round.name && e.suite == suite.name && e.test == difference.test;
    let lines = without_oids(&difference.bare());
    EXPLAINED.iter().filter(of_test).find(|explained| explained.lines == lines).map(|explained| explained.why)
}

/// The first OID that a server gives out after initdb: `FirstNormalObjectId`.
const FIRST_OID: u32 = 16384;

/// Writes `<oid>` for numbers that may be OIDs of the server's choice, which depend on what was created before.
fn without_oids(lines: &str) -> String {
    let mut text = String::new();
    let mut rest = lines;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        text.push_str(before);
        text.push_str(if number.parse().is_ok_and(|oid: u32| oid >= FIRST_OID) { "<oid>" } else { number });
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::without_oids;

    #[test]
    fn only_numbers_from_the_first_normal_oid_on_are_left_out() {
        assert_eq!(
            without_oids("+ 16384 | a1\n-(0 rows)\n16383 99999"),
            "+ <oid> | a1\n-(0 rows)\n16383 <oid>"
        );
    }
}
