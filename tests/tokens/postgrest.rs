//! What PostgREST calls at the start of a request, called as it calls it.

use super::*;

/// One request as PostgREST makes it: a transaction of the authenticator, settings, the role, the hook, the query.
fn request(session: &mut Session, hook: &str, settings: &[(&str, &str)], role: &str) -> Result<i64, Refusal> {
    session.run("BEGIN");
    let set: Result<(), postgres::Error> = settings.iter().try_for_each(|(name, value)| {
        session.client().execute("SELECT set_config($1, $2, true)", &[name, value]).map(drop)
    });
    set.map_err(Refusal::from)?;
    session.run(&format!("SET LOCAL ROLE {role}"));
    let hooked = session.client().execute(&format!("SELECT org_scope.{hook}()"), &[]).map_err(Refusal::from);
    let counted = hooked.and_then(|_| {
        let row = session.client().query_one(COUNT, &[]).map_err(Refusal::from)?;
        Ok(row.get(0))
    });
    session.run("ROLLBACK");
    counted
}

fn served(test: &str, access: &str) -> (Wall, Role, Session) {
    let (wall, _owner) = walled(test);
    let web = wall.db.role("web");
    wall.db.superuser().run(&format!(
        "GRANT {web} TO {app}; GRANT SELECT ON agents TO {web}; SELECT org_scope.allow('{app}', '{access}', pooled => true)",
        app = wall.app
    ));
    let session = wall.db.connect(&wall.app);
    (wall, web, session)
}

#[test]
fn verified_claims_say_organization_and_user() {
    let (_wall, web, mut session) = served("rest_claims", "direct");
    let mut ask =
        |claims: &str| request(&mut session, "pre_request", &[("request.jwt.claims", claims)], web.name());
    assert_eq!(ask(r#"{"org_id":"a","sub":"u","role":"web"}"#), Ok(2));
    assert_eq!(ask(r#"{"org_id":"b"}"#), Ok(3));
    let sqlstate = |answer: Result<i64, Refusal>| answer.expect_err("closed").sqlstate;
    // Anonymous.
    assert_eq!(sqlstate(ask(r#"{"role":"web"}"#)), "OS001");
    assert_eq!(sqlstate(ask("")), "OS001");
    assert_eq!(sqlstate(ask(r#"{"org_id":"a","org_id":"b"}"#)), "PT401");
    assert_eq!(sqlstate(ask("nonsense")), "PT401");
}

#[test]
fn the_token_itself_is_believed_where_its_bearer_is_not() {
    let (_wall, web, mut session) = served("rest_token", "token");
    let good = token_of("a", "user_1");
    let mut ask = |scheme: &str, token: &str| {
        let headers = format!(r#"{{"host":"x","authorization":"{scheme} {token}"}}"#);
        request(&mut session, "pre_request_token", &[("request.headers", &headers)], web.name())
    };
    assert_eq!(ask("Bearer", &good), Ok(2));
    assert_eq!(ask("bearer", &token_of("b", "user_1")), Ok(3));
    let sqlstate = |answer: Result<i64, Refusal>| answer.expect_err("closed").sqlstate;
    assert_eq!(sqlstate(ask("Bearer", &good[..good.len() - 2])), "PT401");
    assert_eq!(sqlstate(ask("Basic", "eDp5")), "OS001");
    // Claims that somebody has put there count for nothing.
    let forged = [("request.jwt.claims", r#"{"org_id":"b"}"#)];
    assert_eq!(sqlstate(request(&mut session, "pre_request", &forged, web.name())), "PT403");
}
