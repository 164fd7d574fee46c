//! Keys: registered, published, rotated, taken away, kept secret.

use super::*;
use crate::harness::{Db, Server};

#[test]
fn keys_are_rotated_without_a_gap() {
    let (wall, _owner) = walled("token_rotate");
    let (old, new) = (Provider::new(), Provider::new());
    let mut superuser = wall.db.superuser();
    let import = |keys: &[String]| {
        format!(
            "SELECT kid || ' ' || state FROM org_scope.import_jwks('{{\"keys\":[{}]}}', '{ISSUER}', leeway => '0') ORDER BY 1",
            keys.join(",")
        )
    };
    let mut app = wall.db.connect(&wall.app);
    app.refuses(&old.token("p1", "a"), "OS007").says("no key of that issuer");
    assert_eq!(superuser.column(&import(&[old.jwk("p1")])), ["p1 done"]);
    assert_eq!(app.shows(&old.token("p1", "a"), false).expect("taken"), "a");
    assert_eq!(superuser.column(&import(&[old.jwk("p1"), new.jwk("p2")])), ["p1 done", "p2 done"]);
    assert_eq!(app.shows(&old.token("p1", "b"), false).expect("taken"), "b");
    assert_eq!(app.shows(&new.token("p2", "a"), false).expect("taken"), "a");
    assert_eq!(superuser.column(&import(&[new.jwk("p2")])), ["p1 removed", "p2 done"]);
    app.refuses(&old.token("p1", "b"), "OS007");
    assert_eq!(app.number(COUNT), 2, "what was proved stays until it ends");
    // The shared secret of the same issuer isn't published, and stays.
    assert_eq!(app.shows(&token_of("b", "u"), false).expect("taken"), "b");
    superuser.run(&format!("SELECT org_scope.remove_signing_key('{ISSUER}', 'p2')"));
    app.refuses(&new.token("p2", "a"), "OS007");
    superuser.refused(&format!("SELECT org_scope.remove_signing_key('{ISSUER}', 'p2')"), "OS007");
    // What a provider publishes beside its signing keys is named.
    let other = r#"{"kty":"RSA","use":"enc","kid":"e1","n":"AQAB","e":"AQAB"}"#.to_owned();
    assert_eq!(superuser.column(&import(&[new.jwk("p2"), other])), ["e1 skipped", "p2 done"]);
}

#[test]
fn a_token_without_a_kid_needs_an_issuer_with_one_key() {
    let (wall, _owner) = walled("token_kid");
    let mut app = wall.db.connect(&wall.app);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let claims = format!(r#"{{"iss":"{ISSUER}","exp":{},"org_id":"a"}}"#, now() + 600);
    let bare =
        with_signature(r#"{"alg":"HS256"}"#, &claims, |t| hmac::sign(&key, t.as_bytes()).as_ref().to_vec());
    assert_eq!(app.shows(&bare, false).expect("taken"), "a");
    wall.db.superuser().run(&format!(
        "SELECT org_scope.import_jwks('{{\"keys\":[{}]}}', '{ISSUER}')",
        Provider::new().jwk("p1")
    ));
    app.refuses(&bare, "OS007");
}

#[test]
fn only_who_may_brings_keys_and_nobody_reads_them() {
    let (wall, mut owner) = walled("token_closed");
    let reader = wall.db.role("reader");
    wall.db.superuser().run(&format!("GRANT pg_read_all_data, pg_write_all_data TO {reader}"));
    let mut reader = wall.db.connect(&reader);
    let mut app = wall.db.connect(&wall.app);
    for session in [&mut owner, &mut reader, &mut app] {
        for call in [
            "SELECT org_scope.add_signing_key('k2', 'HS256', 'AAAA', 'https://evil.example.com')".to_owned(),
            format!(
                "SELECT org_scope.import_jwks('{{\"keys\":[{}]}}', '{ISSUER}')",
                Provider::new().jwk("evil")
            ),
            format!("SELECT org_scope.remove_signing_key('{ISSUER}', 'k1')"),
        ] {
            session.refused(&call, "42501");
        }
        match session.try_run("SELECT 1 / (SELECT count(*) FROM org_scope.signing_key)") {
            Ok(()) => panic!("sees keys"),
            Err(refusal) => assert!(["42501", "22012"].contains(&&*refusal.sqlstate), "{refusal:#?}"),
        }
        let insert = format!(
            "INSERT INTO org_scope.signing_key SELECT '{ISSUER}', 'evil', 'HS256', 'AAAA', NULL, 'standard', 0, NULL"
        );
        session.refused(&insert, "42501");
    }
}

#[test]
fn no_secret_is_in_a_dump() {
    let (wall, _owner) = walled("token_dump");
    let provider = Provider::new();
    wall.db
        .superuser()
        .run(&format!("SELECT org_scope.import_jwks('{{\"keys\":[{}]}}', '{ISSUER}')", provider.jwk("p1")));
    let script = wall.db.dump(&[]);
    assert!(!script.contains(&URL_SAFE_NO_PAD.encode(SECRET)));
    let copy = Db::empty("token_back", Server::Plain);
    copy.psql_superuser(&script).ok();
    let mut app = copy.connect(&wall.app);
    app.refuses(&token_of("a", "user_1"), "OS007");
    assert_eq!(app.shows(&provider.token("p1", "a"), false).expect("taken"), "a");
}

#[test]
fn wrong_keys_are_named_and_their_text_is_not() {
    let (wall, _owner) = walled("token_wrong");
    let mut superuser = wall.db.superuser();
    for arguments in [
        "'k', 'none', 'AAAA', 'i'".to_owned(),
        "'k', 'HS256', 'dG9vIHNob3J0', 'i'".into(),
        "'k', 'RS256', 'dG9vIHNob3J0', 'i'".into(),
        "'k', 'HS256', '-----BEGIN PUBLIC KEY-----', 'i'".into(),
        format!("'k', 'HS256', '{}', 'i', claims => 'nonsense here'", URL_SAFE_NO_PAD.encode(SECRET)),
        format!("'k', 'HS256', '{}', 'i', leeway => '-1 s'", URL_SAFE_NO_PAD.encode(SECRET)),
        format!("'k', 'HS256', '{}', 'i', leeway => '2 days'", URL_SAFE_NO_PAD.encode(SECRET)),
        format!("'k', 'HS256', '{}', ''", URL_SAFE_NO_PAD.encode(SECRET)),
    ] {
        superuser
            .refused(&format!("SELECT org_scope.add_signing_key({arguments})"), "22023")
            .keeps_quiet_about("dG9vIHNob3J0");
    }
    let secret = URL_SAFE_NO_PAD.encode(SECRET);
    superuser.refused(
        &format!("SELECT org_scope.add_signing_key('k', 'HS256', '{secret}', 'i', membership => 'none')"),
        "OS010",
    );
    superuser.refused("SELECT org_scope.import_jwks('[]', 'i')", "22023");
    superuser.refused(&format!("SELECT org_scope.import_jwks('{{\"keys\":[{{\"kty\":\"oct\",\"k\":\"{secret}\",\"kid\":\"x\"}}]}}', 'i')"), "22023")
        .keeps_quiet_about(&secret);
}

#[test]
fn a_lookup_says_who_is_a_member() {
    let (wall, mut owner) = walled("token_member");
    owner.run("CREATE TABLE members (who text, org text, active boolean DEFAULT true); INSERT INTO members VALUES ('user_1', 'a'), ('user_1', 'b')");
    wall.db.superuser().run(&format!(
        "SELECT org_scope.define_lookup('member', 'members', 'who', 'org', condition => 'active');
         SELECT org_scope.add_signing_key('k1', 'HS256', '{}', '{ISSUER}', membership => 'member')",
        URL_SAFE_NO_PAD.encode(SECRET)
    ));
    let mut app = wall.db.connect(&wall.app);
    assert_eq!(app.shows(&token_of("a", "user_1"), false).expect("taken"), "a");
    app.refuses(&token_of("c", "user_1"), "OS005");
    app.refuses(&token_of("a", "user_2"), "OS005");
    app.refuses(&token(r#""org_id":"a""#), "OS005");
    owner.run("UPDATE members SET active = false WHERE org = 'a'");
    app.refuses(&token_of("a", "user_1"), "OS005").says("no member");
    assert_eq!(app.shows(&token_of("b", "user_1"), false).expect("taken"), "b");
}

#[test]
fn claims_are_found_where_the_issuer_puts_them() {
    let (wall, _owner) = walled("token_claims");
    let mut superuser = wall.db.superuser();
    let mut app = wall.db.connect(&wall.app);
    for (claims, with, org, user) in [
        ("clerk", r#""o":{"id":"a","rol":"admin"},"sub":"u""#, "a", Some("u")),
        ("clerk", r#""org_id":"b","sub":"u""#, "b", Some("u")),
        ("supabase", r#""app_metadata":{"org_id":"a"},"sub":"u""#, "a", Some("u")),
        ("auth0", r#""org_id":"a","sub":"auth0|u""#, "a", Some("auth0|u")),
        ("workos", r#""org_id":"a","sub":"u""#, "a", Some("u")),
        ("keycloak", r#""organization":{"acme":{"id":"b"}},"sub":"u""#, "b", Some("u")),
        ("org=tenant.id user=email", r#""tenant":{"id":7},"email":"e""#, "7", Some("e")),
    ] {
        superuser.run(&format!(
            "SELECT org_scope.add_signing_key('k1', 'HS256', '{}', '{ISSUER}', claims => '{claims}')",
            URL_SAFE_NO_PAD.encode(SECRET)
        ));
        assert_eq!(app.shows(&token(with), false).expect(claims), org);
        assert_eq!(app.value("SELECT org_scope.current_user_id()").as_deref(), user, "{claims}");
    }
    app.refuses(&token(r#""tenant":{"name":"a"}"#), "OS007");
}
