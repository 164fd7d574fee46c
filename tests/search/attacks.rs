//! Attempts to see rows of others by what gets before the fence.

use super::ground::{Ground, found};
use crate::harness::Session;

/// What the spies have said of rows that aren't the organization's.
#[track_caller]
fn assert_only_own(session: &mut Session, own: &str, context: &str) {
    let said = session.notices();
    assert!(!said.is_empty(), "{context}: the spy was never asked, so nothing is proven");
    for notice in said {
        assert!(notice.message.starts_with(own), "{context}: {}", notice.message);
    }
}

/// A body tells whose it is, so that whatever sees it can say so.
fn tell_whose(ground: &Ground) {
    ground.db.superuser().run("UPDATE docs SET body = org_id || ' ' || body, words = words || to_tsvector('simple', 'of' || org_id)");
}

#[test]
fn a_cheap_function_in_the_same_where_sees_own_rows_alone() {
    let ground = Ground::new("search_spy");
    tell_whose(&ground);
    ground.owner().run("VACUUM ANALYZE docs");
    let mut searcher = ground.searcher("a");
    searcher.run(
        "CREATE FUNCTION spy(text) RETURNS boolean LANGUAGE plpgsql COST 0.000001 AS
             $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$",
    );
    for search in [
        "body LIKE '%rare%'",
        "words @@ 'w3'::tsquery",
        "doc @> '{\"k\": 3}'",
        "tags && '{t3}'",
        "(words @@ 'w3'::tsquery OR tags && '{t3}')",
        "(words @@ 'w3'::tsquery OR (tags && '{t3}' AND spy(body)))",
    ] {
        for sql in [
            format!("SELECT count(*) FROM docs WHERE spy(body) AND {search}"),
            format!("SELECT count(*) FROM docs WHERE {search} AND spy(body)"),
            format!("UPDATE docs SET title = title WHERE {search} AND spy(body)"),
            format!(
                "SELECT count(*) FROM docs d JOIN docs e USING (id) WHERE d.{} AND spy(d.body)",
                if search.starts_with('(') { "words @@ 'w3'::tsquery" } else { search }
            ),
        ] {
            let plan = searcher.plan(&sql);
            assert!(plan.contains("Bitmap Index Scan on docs_"), "{plan}");
            searcher.notices();
            searcher.rows(&sql);
            assert_only_own(&mut searcher, "a ", &sql);
        }
    }
}

#[test]
fn operators_of_the_users_own_by_the_same_names_see_own_rows_alone() {
    let ground = Ground::new("search_names");
    tell_whose(&ground);
    let mut searcher = ground.searcher("a");
    searcher.run(
        "CREATE SCHEMA evil; SET search_path = evil, pg_catalog, public;
         CREATE FUNCTION evil.spy(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.000001 AS
             $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
         CREATE FUNCTION evil.spy(tsvector, tsquery) RETURNS boolean LANGUAGE plpgsql COST 0.000001 AS
             $$ BEGIN RAISE NOTICE '% ', substring($1::text FROM 'of(.)'); RETURN true; END $$;
         CREATE OPERATOR evil.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.spy);
         CREATE OPERATOR evil.~~* (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.spy);
         CREATE OPERATOR evil.% (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.spy);
         CREATE OPERATOR evil.@@ (LEFTARG = tsvector, RIGHTARG = tsquery, FUNCTION = evil.spy)",
    );
    for search in ["body LIKE '%rare%'", "body ILIKE '%rare%'", "body % 'rare'", "words @@ 'w3'::tsquery"] {
        let sql = format!("SELECT count(*) FROM docs WHERE {search}");
        let plan = searcher.plan(&sql);
        assert!(!plan.contains("Bitmap Index Scan"), "{plan}");
        searcher.notices();
        searcher.rows(&sql);
        assert_only_own(&mut searcher, "a ", &sql);
        // Beside a search that does go to an index.
        let sql = format!("{sql} AND doc OPERATOR(pg_catalog.@>) '{{\"k\": 3}}'");
        assert!(searcher.plan(&sql).contains("Bitmap Index Scan on docs_doc"));
        searcher.notices();
        searcher.rows(&sql);
        assert_only_own(&mut searcher, "a ", &sql);
    }
    // An operator class of one's own takes a superuser.
    searcher.refused(
        "CREATE OPERATOR CLASS evil.ops FOR TYPE text USING hash AS OPERATOR 1 evil.~~, FUNCTION 1 hashtext(text)",
        "42501",
    );
}

/// An index for an operator that nobody has vetted, as a superuser may have made one: it stays unused.
#[test]
fn an_operator_that_has_an_index_but_is_not_vetted_stays_behind_the_fence() {
    let ground = Ground::new("search_opclass");
    ground.db.superuser().run("UPDATE docs SET body = 'same'");
    ground.db.superuser().run(
        "CREATE FUNCTION spy(text, text) RETURNS boolean LANGUAGE plpgsql STRICT COST 0.000001 AS
             $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
         CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = spy);
         CREATE OPERATOR CLASS spy_ops FOR TYPE text USING hash AS OPERATOR 1 ===, FUNCTION 1 hashtext(text);
         CREATE INDEX docs_spy ON docs USING hash (title spy_ops);
         UPDATE docs SET title = CASE WHEN id < 20 THEN 'same' ELSE org_id || ' other' || id END",
    );
    let mut searcher = ground.searcher("b");
    searcher.run("SET enable_bitmapscan = off");
    let sql = "SELECT string_agg(org_id, '') FROM docs WHERE title === 'same'";
    let plan = searcher.plan(sql);
    assert!(!plan.contains("docs_spy"), "{plan}");
    searcher.notices();
    searcher.rows(sql);
    // Every own row was asked, the others' not.
    let own = ground.db.superuser().number("SELECT count(*) FROM docs WHERE org_id = 'b'");
    assert_eq!(searcher.notices().len() as i64, own);
}

/// A pattern that ends with an escape raises only where a row matches up to it, and so would tell of one.
#[test]
fn patterns_that_could_raise_ask_no_row_of_others() {
    let ground = Ground::new("search_escape");
    ground.db.superuser().run("UPDATE docs SET body = 'secret of b' WHERE id = 1; UPDATE docs SET title = 'secret of b' WHERE id = 1");
    assert_eq!(ground.db.superuser().text("SELECT org_id FROM docs WHERE id = 1"), "b");
    let mut searcher = ground.searcher("a");
    for pattern in [r"%secret%\", r"secret of b\", &format!("%secret%{}", "%b".repeat(80))] {
        for operator in ["LIKE", "ILIKE"] {
            for column in ["body", "title"] {
                let condition = format!("{column} {operator} '{pattern}'");
                let plan = searcher.plan(&format!("SELECT id FROM docs WHERE {condition}"));
                assert!(!plan.contains("Bitmap Index Scan"), "{plan}");
                assert_eq!(found(&mut searcher, "docs", &condition), "", "{condition}");
            }
        }
    }
    // A harmless escape is none.
    let plan = searcher.plan(r"SELECT id FROM docs WHERE body LIKE '%50\% secret%'");
    assert!(plan.contains("Bitmap Index Scan on docs_body"), "{plan}");
}

/// Elements of a type whose equality is the user's, or raises.
#[test]
fn arrays_of_other_types_stay_behind_the_fence() {
    let ground = Ground::new("search_elements");
    ground
        .db
        .superuser()
        .run("CREATE TYPE mood AS ENUM ('calm', 'cross'); CREATE TYPE pair AS (a int, b text)");
    ground.table(
        "CREATE TABLE lists (id int, org_id text NOT NULL, moods mood[], pairs pair[], names name[], bits bpchar[], ids uuid[],
                             times timestamptz[], sums numeric[], words varchar[]);
         INSERT INTO lists SELECT g, chr(97 + g % 3), '{calm}', ARRAY[ROW(g, 'x')::pair], '{n}', '{b}',
             ARRAY[('00000000-0000-0000-0000-' || lpad(g::text, 12, '0'))::uuid], ARRAY['2026-01-01'::timestamptz + g * interval '1 day'],
             ARRAY[g], ARRAY['w' || g]
             FROM generate_series(1, 900) g;
         CREATE INDEX ON lists USING gin (moods); CREATE INDEX ON lists USING gin (pairs); CREATE INDEX ON lists USING gin (names);
         CREATE INDEX ON lists USING gin (bits); CREATE INDEX ON lists USING gin (ids); CREATE INDEX ON lists USING gin (times);
         CREATE INDEX ON lists USING gin (sums); CREATE INDEX ON lists USING gin (words); ANALYZE lists",
        "lists",
    );
    ground.owner().run("DROP INDEX idx_lists_org_id");
    let mut searcher = ground.searcher("a");
    for (condition, profits) in [
        ("moods @> '{cross}'", false),
        ("pairs @> ARRAY[ROW(3, 'x')::pair]", false),
        ("names @> '{m}'", false),
        ("bits @> '{c}'", false),
        ("ids @> '{00000000-0000-0000-0000-000000000003}'", true),
        ("times @> '{2026-01-04}'", true),
        ("sums @> '{3}'", true),
        ("words @> '{w3}'::varchar[]", true),
    ] {
        let plan = searcher.plan(&format!("SELECT id FROM lists WHERE {condition}"));
        assert_eq!(plan.contains("Bitmap Index Scan"), profits, "{plan}");
        assert_eq!(found(&mut searcher, "lists", condition), ground.truth("lists", "a", condition));
    }
}

#[test]
fn a_nondeterministic_collation_stays_behind_the_fence() {
    let ground = Ground::new("search_collation");
    ground
        .db
        .superuser()
        .run("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
    ground.table(
        "CREATE TABLE loosely (id int, org_id text NOT NULL, tags text[] COLLATE loose);
         INSERT INTO loosely SELECT g, chr(97 + g % 3), ARRAY['t' || g] FROM generate_series(1, 900) g;
         CREATE INDEX ON loosely USING gin (tags); ANALYZE loosely",
        "loosely",
    );
    ground.owner().run("DROP INDEX idx_loosely_org_id");
    let mut searcher = ground.searcher("a");
    let plan = searcher.plan("SELECT id FROM loosely WHERE tags @> '{T3}'");
    assert!(!plan.contains("Bitmap Index Scan"), "{plan}");
    assert_eq!(found(&mut searcher, "loosely", "tags @> '{T3}'"), "3");
}

/// pg_trgm is an extension that an ordinary role may create and so own; what it adds to it then isn't pg_trgm's.
#[test]
fn a_forged_member_of_pg_trgm_is_not_taken_for_it() {
    let ground = Ground::new("search_member");
    tell_whose(&ground);
    ground.db.superuser().run("DROP EXTENSION pg_trgm CASCADE");
    let mut searcher = ground.searcher("a");
    searcher.run(
        "CREATE EXTENSION pg_trgm; CREATE SCHEMA evil;
         CREATE FUNCTION evil.similarity_op(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.000001 AS
             $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
         CREATE OPERATOR evil.% (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.similarity_op);
         ALTER EXTENSION pg_trgm ADD OPERATOR evil.% (text, text)",
    );
    ground.owner().run("CREATE INDEX docs_body ON docs USING gin (body gin_trgm_ops)");
    let sql = "SELECT count(*) FROM docs WHERE body OPERATOR(evil.%) 'rare'";
    assert!(!searcher.plan(sql).contains("docs_body"));
    searcher.notices();
    searcher.rows(sql);
    assert_only_own(&mut searcher, "a ", sql);
    assert!(searcher.plan("SELECT count(*) FROM docs WHERE body % 'rare'").contains("docs_body"));
}
