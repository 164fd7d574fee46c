//! Which organization and user the claims name.

use super::forge::{ISSUER, judge_claims};
use crate::Error;
use crate::token::{Refused, Value};

/// The organization and the user of claims that have these members besides.
fn named(members: &str, paths: &str) -> Result<(String, Option<String>), Refused> {
    let claims = format!(r#"{{"iss":"{ISSUER}","exp":1800000600,{members}}}"#);
    judge_claims(&claims, None, paths).map(|verified| (verified.org, verified.user))
}

fn good(org: &str, user: Option<&str>) -> Result<(String, Option<String>), Refused> {
    Ok((org.to_owned(), user.map(str::to_owned)))
}

#[test]
fn presets_read_what_their_issuers_write() {
    for (paths, members, org) in [
        ("standard", r#""sub":"u","org_id":"a""#, "a"),
        ("clerk", r#""sub":"u","org_id":"org_2abc","org_role":"org:admin""#, "org_2abc"),
        ("clerk", r#""sub":"u","v":2,"o":{"id":"org_2abc","rol":"admin","slg":"acme"}"#, "org_2abc"),
        ("clerk", r#""sub":"u","org_id":"org_2abc","o":{"id":"org_2abc"}"#, "org_2abc"),
        ("auth0", r#""sub":"u","org_id":"org_9ybsU1dN2dKfDkBi","org_name":"acme""#, "org_9ybsU1dN2dKfDkBi"),
        ("workos", r#""sub":"u","sid":"s","org_id":"org_01H93","role":"member""#, "org_01H93"),
        ("supabase", r#""sub":"u","app_metadata":{"org_id":7},"user_metadata":{"org_id":"b"}"#, "7"),
        ("keycloak", r#""sub":"u","organization":{"acme":{"id":"42c3e46f"}}"#, "42c3e46f"),
        ("keycloak", r#""sub":"u","organization":["acme"]"#, "acme"),
        (
            r#"org="https://example.com/org_id" user=sub"#,
            r#""sub":"u","https://example.com/org_id":"a""#,
            "a",
        ),
        ("org=app.tenant|org_id user=sub", r#""sub":"u","app":{"tenant":"a"}"#, "a"),
        ("org=app.tenant|org_id user=sub", r#""sub":"u","app":7,"org_id":"a""#, "a"),
        ("org=org_id user=uid|sub", r#""sub":"u","uid":null,"org_id":"a""#, "a"),
    ] {
        assert_eq!(named(members, paths), good(org, Some("u")), "{paths} {members}");
    }
    assert_eq!(named(r#""sub":"u","org_id":"a""#, "org=org_id"), good("a", None));
    assert_eq!(named(r#""org_id":"a","sub":null"#, "standard"), good("a", None));
}

#[test]
fn a_token_for_no_organization_or_for_several_is_refused() {
    for (paths, members) in [
        ("standard", r#""sub":"u""#),
        ("standard", r#""org_id":null"#),
        ("standard", r#""ORG_ID":"a""#),
        ("standard", "\"org_\u{456}d\":\"a\""),
        ("standard", "\"org_id\u{200b}\":\"a\""),
        ("standard", r#""org":{"id":"a"}"#),
        ("clerk", r#""o":"a""#),
        ("clerk", r#""o":["id","a"]"#),
        ("supabase", r#""user_metadata":{"org_id":"a"}"#),
        ("keycloak", r#""organization":{}"#),
        ("keycloak", r#""organization":[]"#),
        ("keycloak", r#""organization":"acme""#),
        ("keycloak", r#""organization":{"acme":{}}"#),
        (r#"org="https://example.com/org_id""#, r#""https://example.com/":{"org_id":"a"}"#),
        ("org=a.b", r#""a.b":"c""#),
    ] {
        assert_eq!(named(members, paths), Err(Refused::NoOrg), "{paths} {members}");
    }
    for members in [
        r#""organization":{"a":{"id":"1"},"b":{"id":"2"}}"#,
        r#""organization":{"a":{"id":"1"},"b":{}}"#,
        r#""organization":["a","b"]"#,
        r#""organization":["a","a"]"#,
    ] {
        let why = named(members, "keycloak").expect_err("several");
        assert_eq!(why, Refused::Several(Value::Org), "{members}");
        assert_eq!(Error::Token(why).report().sqlstate, "OS006");
    }
    for (paths, members, why) in [
        ("clerk", r#""org_id":"a","o":{"id":"b"}"#, Value::Org),
        ("clerk", r#""org_id":"a","o":{"id":"A"}"#, Value::Org),
        ("org=a|b|c", r#""a":1,"c":"2""#, Value::Org),
        ("org=o user=a|b", r#""o":1,"a":"x","b":"y""#, Value::User),
    ] {
        assert_eq!(named(members, paths), Err(Refused::Contradiction(why)), "{members}");
    }
}

#[test]
fn values_are_taken_exactly_as_they_stand_or_not_at_all() {
    for value in [
        "a",
        " a ",
        "A",
        "0",
        "007",
        "\u{430}",
        "\u{e9}",
        "e\u{301}",
        "a'; DROP TABLE x --",
        "\u{200b}",
        "null",
    ] {
        assert_eq!(named(&format!(r#""org_id":"{value}""#), "standard"), good(value, None));
    }
    assert_eq!(named(r#""org_id":-17"#, "standard"), good("-17", None));
    assert_eq!(named(r#""org_id":18446744073709551615"#, "standard"), good("18446744073709551615", None));
    let (most, more) = ("o".repeat(1024), "o".repeat(1025));
    assert_eq!(named(&format!(r#""org_id":"{most}""#), "standard"), good(&most, None));
    for (which, claim) in [(Value::Org, "org_id"), (Value::User, "sub")] {
        let rest = if which == Value::User { r#""org_id":"a","# } else { "" };
        for (value, why) in [
            (r#""""#.to_owned(), Refused::ValueEmpty(which)),
            (r#""a\u0000""#.into(), Refused::ValueControl(which)),
            (r#""a\u0001b""#.into(), Refused::ValueControl(which)),
            (r#""a\n""#.into(), Refused::ValueControl(which)),
            (r#""\u007f""#.into(), Refused::ValueControl(which)),
            ("\"\u{85}\"".into(), Refused::ValueControl(which)),
            (format!("\"{more}\""), Refused::ValueTooLong(which)),
            ("true".into(), Refused::ValueType(which)),
            ("1.0".into(), Refused::ValueType(which)),
            ("1e3".into(), Refused::ValueType(which)),
            ("18446744073709551616".into(), Refused::ValueType(which)),
            (r#"["a"]"#.into(), Refused::ValueType(which)),
            (r#"{"id":"a"}"#.into(), Refused::ValueType(which)),
        ] {
            assert_eq!(
                named(&format!(r#"{rest}"{claim}":{value}"#), "standard"),
                Err(why),
                "{claim} {value:.40}"
            );
        }
    }
}

#[test]
fn an_application_can_tell_the_reasons_apart() {
    for (why, sqlstate, message) in [
        (Refused::Expired, "OS008", "the token has expired"),
        (Refused::NoOrg, "OS007", "the token names no organization"),
        (Refused::Several(Value::Org), "OS006", "the token names several organizations"),
        (Refused::AlgNone, "OS007", "token refused: it is not signed (alg \"none\")"),
        (Refused::ValueEmpty(Value::User), "OS007", "token refused: its user is empty"),
    ] {
        let report = Error::Token(why).report();
        assert_eq!((report.sqlstate, report.message.as_str()), (sqlstate, message));
    }
    assert!(
        Error::Token(Refused::AudUnexpected).report().hint.is_some_and(|hint| hint.contains("audience =>"))
    );
}
