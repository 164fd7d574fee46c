//! Arguments and errors of the SQL surface, tested inside a backend. What needs sessions and ordinary
//! roles is tested over connections, in `tests/`.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use pgrx::prelude::*;

    fn text(query: &str) -> Option<String> {
        Spi::get_one(query).unwrap_or_else(|e| panic!("{query}: {e}"))
    }

    /// The SQLSTATE with which a statement is refused, or `none`.
    fn sqlstate(statement: &str) -> String {
        Spi::run("CREATE TEMP TABLE IF NOT EXISTS answer (state text); TRUNCATE answer")
            .expect("a temp table");
        Spi::run(&format!(
            "DO $do$ BEGIN {statement}; INSERT INTO answer VALUES ('none'); \
             EXCEPTION WHEN OTHERS THEN INSERT INTO answer VALUES (SQLSTATE); END $do$"
        ))
        .expect("errors are caught inside");
        text("SELECT state FROM answer").unwrap_or_default()
    }

    fn quiet() {
        Spi::run("SET LOCAL org_scope.bypass = off").expect("a superuser's setting");
    }

    #[pg_test]
    fn a_literal_finds_the_text_setter() {
        quiet();
        assert_eq!(text("SELECT org_scope.set_current_org('org_38mpe7')"), Some("org_38mpe7".into()));
        assert_eq!(text("SELECT org_scope.current_org()"), Some("org_38mpe7".into()));
    }

    #[pg_test]
    fn a_uuid_is_set_in_its_canonical_text() {
        quiet();
        let canonical = "12938a96-648b-4aec-ab59-282e2345cec7";
        let set = "SELECT org_scope.set_current_org('{12938A96648B4AECAB59282E2345CEC7}'::uuid)";
        assert_eq!(text(set), Some(canonical.into()));
        assert_eq!(text("SELECT org_scope.current_org_uuid()::text"), Some(canonical.into()));
    }

    #[pg_test]
    fn integers_find_the_bigint_setter() {
        quiet();
        assert_eq!(text("SELECT org_scope.set_current_org(42)"), Some("42".into()));
        assert_eq!(text("SELECT org_scope.current_org_bigint()::text"), Some("42".into()));
        assert_eq!(
            text("SELECT org_scope.set_current_org(-9223372036854775808)"),
            Some(i64::MIN.to_string())
        );
    }

    #[pg_test]
    fn arguments_have_their_names() {
        quiet();
        assert_eq!(text("SELECT org_scope.set_current_org(org => 'a', is_local => true)"), Some("a".into()));
        assert_eq!(text("SELECT org_scope.set_current_user(user_id => 'u')"), Some("u".into()));
        assert_eq!(text("SELECT org_scope.set_current_project(project => 'p')"), Some("p".into()));
    }

    #[pg_test]
    fn unset_is_null_for_applications_and_an_error_for_the_fence() {
        assert_eq!(text("SELECT org_scope.current_org()"), None);
        assert_eq!(text("SELECT org_scope.current_org_uuid()::text"), None);
        assert_eq!(sqlstate("PERFORM org_scope.fence_org()"), "OS001");
        Spi::run("SET LOCAL org_scope.missing_org = empty").expect("a superuser's setting");
        assert_eq!(sqlstate("PERFORM org_scope.fence_org()"), "none");
    }

    #[pg_test]
    fn what_is_no_value_is_refused() {
        quiet();
        for (statement, state) in [
            ("PERFORM org_scope.set_current_org(NULL::text)", "OS004"),
            ("PERFORM org_scope.set_current_org('')", "OS004"),
            ("PERFORM org_scope.set_current_org(NULL::uuid)", "OS004"),
            ("PERFORM org_scope.set_current_org(repeat('x', 1025))", "OS004"),
            ("PERFORM org_scope.set_current_project('p')", "OS001"),
            ("PERFORM org_scope.allow(NULL, 'direct')", "22004"),
            ("PERFORM org_scope.allow('pg_monitor', NULL)", "22004"),
            ("PERFORM org_scope.allow('pg_monitor', 'magic')", "22023"),
            ("PERFORM org_scope.allow('pg_monitor', 'parameter', pooled => true)", "22023"),
            ("PERFORM org_scope.bind_role('pg_monitor', '')", "OS004"),
            ("PERFORM org_scope.across_orgs(NULL)", "22004"),
            ("PERFORM org_scope.protect(NULL)", "22004"),
            ("PERFORM org_scope.protect('org_scope.journal', force => NULL)", "22004"),
            ("PERFORM org_scope.protect('org_scope.journal', roles => '{}')", "22023"),
            ("PERFORM org_scope.protect('org_scope.journal', roles => '{no_such_role}')", "42704"),
            ("PERFORM org_scope.protect('org_scope.journal', 'role')", "OS009"),
            ("PERFORM org_scope.plan('pg_catalog.pg_class', 'relname')", "OS009"),
            (
                "PERFORM org_scope.alter_protected('org_scope.journal', 'DROP TABLE org_scope.journal')",
                "OS010",
            ),
            ("CALL org_scope.protect_all('org_id', '{no_such_schema}')", "3F000"),
            ("PERFORM org_scope.across_orgs('SELECT 1; SELECT 2')", "22023"),
            ("PERFORM org_scope.across_orgs('COPY pg_class TO STDOUT')", "22023"),
        ] {
            assert_eq!(sqlstate(statement), state, "{statement}");
        }
    }

    #[pg_test]
    fn a_context_of_another_type_is_refused_by_both_names() {
        quiet();
        text("SELECT org_scope.set_current_org('org_38mpe7')");
        assert_eq!(sqlstate("PERFORM org_scope.fence_org_uuid()"), "OS004");
        assert_eq!(sqlstate("PERFORM org_scope.fence_org_bigint()"), "OS004");
        assert_eq!(sqlstate("PERFORM org_scope.current_org_uuid()"), "OS004");
    }

    #[pg_test(error = "no organization is set")]
    fn an_error_reaches_the_client_in_its_own_words() {
        text("SELECT org_scope.fence_org()");
    }
}
