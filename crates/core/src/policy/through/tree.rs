//! What an analysed expression is made of, read from the form in which the server itself stores it:
//! fields by name, strings of users as bytes, so that no constant can look like a field.

use std::collections::BTreeSet;

/// The first OID that is not the server's own.
const FIRST_OF_USERS: u32 = 16_384;

/// Fields that hold the OID of something which is run or which checks values.
const RUN: [&str; 6] = [":funcid", ":opno", ":opfuncid", ":resulttype", ":row_typeid", ":typeId"];

fn fields<'t>(tree: &'t str, name: &'t str) -> impl Iterator<Item = i64> + 't {
    let mut words = tree.split_whitespace();
    std::iter::from_fn(move || {
        words.by_ref().find(|word| *word == name)?;
        Some(
            words
                .next()
                .map(|w| w.trim_end_matches(['}', ')']))
                .and_then(|w| w.parse().ok())
                .unwrap_or(i64::MAX),
        )
    })
}

/// Numbers of the columns that it names; 0 stands for the whole row.
pub fn columns(tree: &str) -> BTreeSet<i64> {
    fields(tree, ":varattno").collect()
}

/// Whether it uses a function, operator or type that isn't the server's own.
pub fn uses_what_is_not_built_in(tree: &str) -> bool {
    RUN.iter().any(|name| fields(tree, name).any(|oid| oid >= i64::from(FIRST_OF_USERS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_functions_are_found() {
        let tree = "{FUNCEXPR :funcid 2088 :funcresulttype 25 :args ({VAR :varno 1 :varattno 1 :vartype 25} \
                    {CONST :consttype 25 :constvalue 5 [ 20 0 0 0 58 ]} {VAR :varno 1 :varattno 3 :vartype 99999})}";
        assert_eq!(columns(tree), BTreeSet::from([1, 3]));
        assert!(!uses_what_is_not_built_in(tree));
        assert!(uses_what_is_not_built_in(&tree.replace("2088", "16385")));
        assert!(uses_what_is_not_built_in("{COERCETODOMAIN :resulttype 20000}"));
    }
}
