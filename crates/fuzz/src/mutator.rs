//! Changes texts and objects.

use fastrand::Rng;

/// Characters that mean something to a reader, or fool one.
const CHARACTERS: [char; 40] = [
    '.',
    '-',
    '_',
    '=',
    '+',
    '/',
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '|',
    '*',
    ' ',
    '\n',
    '\0',
    '\u{feff}',
    '\u{200b}',
    '\u{456}',
    '\u{ff0e}',
    '\u{85}',
    '0',
    '1',
    '9',
    'A',
    'B',
    'Z',
    'a',
    'e',
    'k',
    'u',
    'x',
    'z',
    '\'',
    '\u{fffd}',
    '\u{10ffff}',
    '\t',
];
/// Members' names that a verifier looks at, or might.
const NAMES: [&str; 24] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "sub",
    "org_id",
    "o",
    "organization",
    "app_metadata",
    "alg",
    "kid",
    "typ",
    "crit",
    "jwk",
    "jku",
    "x5c",
    "zip",
    "b64",
    "ORG_ID",
    "org\\u005fid",
    "\u{456}ss",
    "",
    "x",
];
/// Values at the edges.
const VALUES: [&str; 44] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1.0",
    "1e3",
    "1e300",
    "1e999",
    "1800000600",
    "1799999970",
    "1799999971",
    "1800000030",
    "1800000031",
    "253402300799",
    "253402300800",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "\"\"",
    "\"a\"",
    "\"org_b\"",
    "\"1800000600\"",
    "\"a\\u0000\"",
    "\"\\ud800\"",
    "\"\\u0061\"",
    "[]",
    "{}",
    "[\"a\"]",
    "[\"a\",\"b\"]",
    "[\"db\"]",
    "\"db\"",
    "[\"db\",7]",
    "{\"id\":\"b\"}",
    "{\"org_id\":\"b\"}",
    "{\"a\":{\"id\":\"b\"},\"c\":{}}",
    "{\"a\":1,\"a\":1}",
    "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
    "\"none\"",
    "\"None\"",
    "\"RS256\"",
    "\"k2\"",
    "NaN",
];

/// Changes a text in one to four places.
pub(crate) fn text(text: &str, random: &mut Rng) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.u8(0..4).min(random.u8(0..4)) {
        change(&mut characters, random);
    }
    characters.into_iter().collect()
}

fn change(characters: &mut Vec<char>, random: &mut Rng) {
    let length = characters.len();
    if length == 0 {
        characters.push(*choice(&CHARACTERS, random));
        return;
    }
    let (at, other) = (random.usize(0..length), random.usize(0..length));
    let (from, to) = (at.min(other), at.max(other));
    match random.u8(0..9) {
        0 | 1 => characters[at] = *choice(&CHARACTERS, random),
        2 => characters[at] = random.char('!'..='~'),
        3 => characters.insert(at, *choice(&CHARACTERS, random)),
        4 => drop(characters.remove(at)),
        5 => characters.swap(at, other),
        6 => characters.truncate(at),
        7 => drop(characters.drain(from..to.min(from + 40))),
        _ => {
            let copy: Vec<char> = characters[from..to.min(from + 40)].to_vec();
            characters.splice(other..other, copy);
        }
    }
}

/// The text of an object.
pub(crate) fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// Changes an object's members.
pub(crate) fn members(members: &mut Vec<(String, String)>, random: &mut Rng) {
    for _ in 0..=random.u8(0..3).min(random.u8(0..3)) {
        let new = ((*choice(&NAMES, random)).to_owned(), (*choice(&VALUES, random)).to_owned());
        if members.is_empty() {
            members.push(new);
            continue;
        }
        let at = random.usize(0..members.len());
        match random.u8(0..6) {
            0 => members.insert(at, new),
            1 => drop(members.remove(at)),
            2 => members[at].0 = new.0,
            3 => {
                let copy = members[at].clone();
                members.push(copy);
            }
            4 => members[at].1 = text(&members[at].1, random),
            _ => members[at].1 = new.1,
        }
    }
}

/// Writes an object in another way that means the same.
pub(crate) fn rewrite(members: &[(String, String)], random: &mut Rng) -> String {
    let mut members = members.to_vec();
    random.shuffle(&mut members);
    for (name, value) in &mut members {
        match random.u8(0..4) {
            0 => {
                let first = name.chars().next().map_or(0, u32::from);
                *name = format!("\\u{first:04x}{}", &name[1..]);
            }
            1 => *value = format!(" {value}\r\n"),
            2 => *value = value.replace(',', "\t, "),
            _ => {}
        }
    }
    if random.bool() {
        members.push(("more".into(), (*choice(&["1.5", "null", "[{}]", "\"exp\""], random)).into()));
    }
    object(&members)
}

/// One of them.
pub(crate) fn choice<'c, T>(of: &'c [T], random: &mut Rng) -> &'c T {
    &of[random.usize(0..of.len())]
}
