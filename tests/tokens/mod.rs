//! Tokens: a role that becomes only what somebody who is trusted has signed.

mod attacks;
mod ends;
mod keys;
mod postgrest;

use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::harness::{Refusal, Role, Session, Wall};

const ISSUER: &str = "https://id.example.com";
const SECRET: &str = "a secret of thirty-two bytes, no";
const COUNT: &str = "SELECT count(*) FROM agents";

/// `agents` under a fence, and the application's role with access by tokens alone.
fn walled(test: &str) -> (Wall, Session) {
    walled_at(Wall::new(test))
}

fn walled_at(wall: Wall) -> (Wall, Session) {
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    wall.db.superuser().run(&format!(
        "SELECT org_scope.add_signing_key('k1', 'HS256', '{}', '{ISSUER}', leeway => '0');
         SELECT org_scope.allow('{}', 'token')",
        URL_SAFE_NO_PAD.encode(SECRET),
        wall.app
    ));
    (wall, owner)
}

/// A token of these claims, beside issuer and, in ten minutes, end.
fn token(claims: &str) -> String {
    let claims = format!(r#"{{"iss":"{ISSUER}","exp":{},{claims}}}"#, now() + 600);
    signed("k1", &claims)
}

fn token_of(org: &str, user: &str) -> String {
    token(&format!(r#""org_id":"{org}","sub":"{user}""#))
}

fn signed(kid: &str, claims: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    with_signature(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#), claims, |text| {
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    })
}

fn with_signature(header: &str, claims: &str, sign: impl FnOnce(&str) -> Vec<u8>) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(&text));
    format!("{text}.{signature}")
}

/// A fresh key of the kind that providers publish.
struct Provider(Ed25519KeyPair);

impl Provider {
    fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).expect("a key");
        Self(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key"))
    }

    fn jwk(&self, kid: &str) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"{kid}","x":"{x}"}}"#)
    }

    fn token(&self, kid: &str, org: &str) -> String {
        let claims = format!(r#"{{"iss":"{ISSUER}","exp":{},"org_id":"{org}","sub":"u"}}"#, now() + 600);
        with_signature(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), &claims, |text| {
            self.0.sign(text.as_bytes()).as_ref().to_vec()
        })
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}

impl Session {
    /// Shows a token as a parameter.
    fn shows(&mut self, token: &str, is_local: bool) -> Result<String, Refusal> {
        let row = self.client().query_one("SELECT org_scope.authenticate($1, $2)", &[&token, &is_local]);
        Ok(row.map_err(Refusal::from)?.get(0))
    }

    /// Asserts that the token is refused, without a word of what is in it.
    #[track_caller]
    fn refuses(&mut self, token: &str, sqlstate: &str) -> Refusal {
        let refusal = self.shows(token, false).expect_err("was to be refused");
        assert_eq!(refusal.sqlstate, sqlstate, "{refusal:#?}");
        let refusal = refusal.keeps_quiet_about("org_a").keeps_quiet_about("user_");
        if token.is_empty() { refusal } else { refusal.keeps_quiet_about(token) }
    }
}

#[test]
fn a_signed_token_says_organization_and_user() {
    let (wall, _owner) = walled("token_says");
    let mut app = wall.db.connect(&wall.app);
    app.refused(COUNT, "OS001");
    assert_eq!(app.shows(&token_of("a", "user_1"), false).expect("taken"), "a");
    assert_eq!(app.number(COUNT), 2);
    assert_eq!(app.text("SELECT org_scope.current_user_id()"), "user_1");
    // For a transaction, and back.
    app.run("BEGIN");
    app.shows(&token_of("b", "user_2"), true).expect("taken");
    assert_eq!(app.number(COUNT), 3);
    app.run("COMMIT");
    assert_eq!(app.number(COUNT), 2);
    assert_eq!(app.text("SELECT org_scope.current_user_id()"), "user_1");
    app.run("BEGIN");
    app.shows(&token_of("b", "user_2"), false).expect("taken");
    app.run("ROLLBACK");
    assert_eq!(app.number(COUNT), 2);
    app.run("SELECT org_scope.clear_context()");
    app.refused(COUNT, "OS001");
    // Without a user nobody acts.
    app.shows(&token(r#""org_id":"a""#), false).expect("taken");
    assert_eq!(app.value("SELECT org_scope.current_user_id()"), None);
    // A token without an organization is none.
    app.refuses(&token(r#""sub":"user_1""#), "OS007").says("organization");
    assert_eq!(app.number(COUNT), 2);
}

#[test]
fn a_token_in_the_text_of_a_statement_is_refused() {
    let (wall, _owner) = walled("token_text");
    let mut app = wall.db.connect(&wall.app);
    let good = token_of("a", "user_1");
    for text in [
        format!("SELECT org_scope.authenticate('{good}')"),
        format!("SELECT 1; SELECT org_scope.authenticate('{good}', true)"),
        format!("DO $$ BEGIN PERFORM org_scope.authenticate('{good}'); END $$"),
        format!("PREPARE p (text) AS SELECT org_scope.authenticate($1); EXECUTE p ('{good}')"),
    ] {
        app.refused(&text, "OS007").says("text of the statement").keeps_quiet_about(&good);
        app.run("DEALLOCATE ALL");
    }
    app.refused(COUNT, "OS001");
    // As a parameter others of the role see none of it.
    app.shows(&good, false).expect("taken");
    let mut other = wall.db.superuser();
    let seen = other.column("SELECT query FROM pg_stat_activity");
    assert!(seen.iter().any(|query| query.contains("authenticate($1")), "{seen:?}");
    assert!(!seen.iter().any(|query| query.contains(&good)));
}

#[test]
fn whoever_else_may_shows_a_token_too() {
    let (wall, _owner) = walled("token_others");
    let (direct, lookup, bound) = (wall.db.role("direct"), wall.db.role("lookup"), wall.db.role("bound"));
    wall.db.superuser().run(&format!(
        "CREATE TABLE accounts (id text, org text); ALTER TABLE accounts OWNER TO {};
         SELECT org_scope.define_lookup('x', 'accounts', 'id', 'org');
         SELECT org_scope.allow('{direct}', 'direct'), org_scope.allow('{lookup}', 'lookup', lookups => '{{x}}'),
             org_scope.allow('{bound}', 'token'), org_scope.bind_role('{bound}', 'a')",
        wall.owner
    ));
    let good = token_of("a", "user_1");
    let mut direct: Session = wall.db.connect(&direct);
    direct.run("SELECT org_scope.set_current_user('somebody')");
    direct.shows(&good, false).expect("taken");
    assert_eq!(direct.text("SELECT org_scope.current_org() || org_scope.current_user_id()"), "auser_1");
    direct.run("SELECT org_scope.set_current_user('else')");
    assert_eq!(direct.text("SELECT org_scope.current_user_id()"), "else");
    let none: Role = wall.db.role("none");
    for role in [&lookup, &none] {
        wall.db.connect(role).refuses(&good, "OS002");
    }
    let mut bound = wall.db.connect(&bound);
    bound.shows(&good, false).expect("taken");
    bound.refuses(&token_of("b", "user_2"), "OS003");
}
