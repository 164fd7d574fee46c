//! Which statements use the index, and that their rows are the organization's.

use super::ground::{Ground, SEARCHES, found};
use crate::harness::Server;

#[test]
fn each_vetted_search_uses_its_index_where_the_setting_is_on_and_only_there() {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::at("search", server);
        let (mut searcher, mut other) = (ground.searcher("a"), ground.other("a"));
        for (condition, index) in SEARCHES {
            let sql = format!("SELECT id FROM docs WHERE {condition}");
            let (with, without) = (searcher.plan(&sql), other.plan(&sql));
            assert!(with.contains(&format!("Bitmap Index Scan on {index}")), "{condition}\n{with}");
            assert!(with.contains("Filter: (org_id = 'a'::text)"), "{condition}\n{with}");
            assert!(!without.contains(index), "{condition}\n{without}");
            let truth = ground.truth("docs", "a", condition);
            assert_eq!(found(&mut searcher, "docs", condition), truth, "{condition}");
            assert_eq!(found(&mut other, "docs", condition), truth, "{condition}");
        }
    }
}

#[test]
fn every_kind_of_statement_profits() {
    let ground = Ground::new("search_kinds");
    let mut searcher = ground.searcher("a");
    searcher.run("SET enable_hashjoin = off; SET enable_mergejoin = off");
    for sql in [
        "UPDATE docs SET body = body WHERE words @@ 'w3'::tsquery",
        "DELETE FROM docs WHERE words @@ 'w3'::tsquery",
        "SELECT count(*) FROM docs d JOIN docs e ON e.id = d.id + 1 WHERE d.words @@ 'w3'::tsquery",
        "SELECT (SELECT count(*) FROM docs WHERE words @@ 'w3'::tsquery)",
        "WITH found AS MATERIALIZED (SELECT * FROM docs WHERE words @@ 'w3'::tsquery) SELECT count(*) FROM found",
        "SELECT count(*) FROM (SELECT words, body FROM docs UNION ALL SELECT words, body FROM docs) u WHERE words @@ 'w3'::tsquery",
        "SELECT id FROM docs WHERE words @@ 'w3'::tsquery AND body LIKE '%a%'",
        "SELECT id FROM docs WHERE words @@ 'w3'::tsquery OR tags @> '{t4}'",
        "SELECT id FROM docs WHERE words @@ 'w3'::tsquery OR (tags @> '{t4}' AND length(body) > 3)",
        "MERGE INTO docs d USING (VALUES (1)) v (i) ON d.words @@ 'w3'::tsquery WHEN MATCHED THEN UPDATE SET body = body",
    ] {
        let plan = searcher.plan(sql);
        assert!(plan.contains("Bitmap Index Scan on docs_words"), "{sql}\n{plan}");
    }
    for condition in [
        "words @@ 'w3'::tsquery OR tags @> '{t4}'",
        "words @@ 'w3'::tsquery OR (tags @> '{t4}' AND length(body) > 3)",
        "id IN (SELECT id FROM docs WHERE words @@ 'w3'::tsquery)",
    ] {
        assert_eq!(
            found(&mut searcher, "docs", condition),
            ground.truth("docs", "a", condition),
            "{condition}"
        );
    }
    assert_eq!(searcher.touched("UPDATE docs SET title = 'x' WHERE words @@ 'w3'::tsquery"), 13);
    assert_eq!(searcher.touched("DELETE FROM docs WHERE words @@ 'w3'::tsquery"), 13);
    assert_eq!(ground.db.superuser().number("SELECT count(*) FROM docs WHERE title = 'x'"), 0);
    assert_eq!(ground.db.superuser().number("SELECT count(*) FROM docs WHERE words @@ 'w3'::tsquery"), 25);
}

#[test]
fn what_can_have_no_index_paths_gets_none() {
    let ground = Ground::new("search_none");
    let mut searcher = ground.searcher("a");
    let sampled = "SELECT count(*) FROM docs TABLESAMPLE SYSTEM (100) WHERE words @@ 'w3'::tsquery";
    assert!(searcher.plan(sampled).contains("Sample Scan"));
    assert_eq!(searcher.number(sampled), 13);
    assert_eq!(searcher.number("SELECT count(*) FROM docs WHERE words @@ 'w3'::tsquery AND 1 = 2"), 0);
    assert_eq!(
        searcher.number("SELECT count(*) FROM docs WHERE words @@ 'w3'::tsquery AND id = 1 AND id = 2"),
        0
    );
}

#[test]
fn partitions_and_children_profit_with_their_parents_fence() {
    let ground = Ground::new("search_parts");
    ground.table(
        "CREATE TABLE parts (id int, org_id text NOT NULL, words tsvector) PARTITION BY HASH (org_id);
         CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO parts SELECT g, chr(97 + g % 3), to_tsvector('simple', 'w' || g % 40) FROM generate_series(1, 900) g;
         CREATE INDEX parts_words ON parts USING gin (words); ANALYZE parts",
        "parts",
    );
    ground.table(
        "CREATE TABLE roots (id int, org_id text NOT NULL, words tsvector);
         CREATE TABLE twigs () INHERITS (roots);
         INSERT INTO roots SELECT g, chr(97 + g % 3), to_tsvector('simple', 'w' || g % 40) FROM generate_series(1, 900) g;
         INSERT INTO twigs SELECT g, chr(97 + g % 3), to_tsvector('simple', 'w' || g % 40) FROM generate_series(901, 1800) g;
         CREATE INDEX roots_words ON roots USING gin (words); CREATE INDEX twigs_words ON twigs USING gin (words); ANALYZE roots, twigs",
        "roots",
    );
    let condition = "words @@ 'w3'::tsquery";
    for org in ["a", "b", "c"] {
        let mut searcher = ground.searcher(org);
        for (table, indexes) in [("parts", &["words"][..]), ("roots", &["roots_words", "twigs_words"])] {
            searcher.run("SET enable_indexscan = off");
            let plan = searcher.plan(&format!("SELECT id FROM {table} WHERE {condition}"));
            for index in indexes {
                assert!(plan.contains(index), "{plan}");
            }
            assert_eq!(found(&mut searcher, table, condition), ground.truth(table, org, condition));
        }
    }
}

/// Never a parameter: only what stands in the plan for good has been looked at.
#[test]
fn generic_plans_use_it_for_literals_alone() {
    let ground = Ground::new("search_generic");
    for mode in ["force_generic_plan", "force_custom_plan", "auto"] {
        let mut searcher = ground.searcher("a");
        searcher.run(&format!(
            "SET plan_cache_mode = {mode};
             PREPARE p (text) AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM docs WHERE body LIKE $1;
             PREPARE t (tsquery) AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM docs WHERE words @@ $1;
             PREPARE literal AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM docs WHERE words @@ 'w3'::tsquery"
        ));
        for org in ["a", "b", "c", "a"] {
            searcher.act_for(org);
            for (sql, index, bound) in [
                ("EXECUTE p ('%rare%')", "docs_body", true),
                ("EXECUTE t ('w3')", "docs_words", true),
                ("EXECUTE literal", "docs_words", false),
            ] {
                let plan = searcher.plan(sql);
                let used = plan.contains(&format!("Bitmap Index Scan on {index}"));
                if mode != "auto" || !bound {
                    assert_eq!(used, !bound || mode == "force_custom_plan", "{mode}: {sql}\n{plan}");
                }
                let condition = if index == "docs_body" { "body LIKE '%rare%'" } else { "words @@ 'w3'" };
                assert_eq!(searcher.text(sql), ground.truth("docs", org, condition), "{mode}: {sql}");
            }
        }
        // Nor what is computed when the statement runs.
        for condition in [
            "words @@ (SELECT 'w3'::tsquery)",
            "words @@ to_tsquery('w3')",
            "body LIKE '%' || current_user || '%'",
            "to_tsvector('simple', body) @@ 'rare'::tsquery",
        ] {
            let plan = searcher.plan(&format!("SELECT id FROM docs WHERE {condition}"));
            assert!(!plan.contains("Bitmap Index Scan"), "{plan}");
        }
    }
}

/// Where it is no index condition, the clause stands where it always stood: behind the fence.
#[test]
fn a_search_that_finds_no_index_stays_behind_the_fence() {
    let ground = Ground::new("search_order");
    ground.owner().run("DROP INDEX docs_body; CREATE INDEX docs_org ON docs (org_id)");
    let mut searcher = ground.searcher("a");
    for (setting, filter) in [
        ("SET enable_bitmapscan = off", "Filter: (body ~~ '%rare%'::text)"),
        (
            "SET enable_seqscan = on; SET enable_indexscan = off",
            "Filter: ((org_id = 'a'::text) AND (body ~~ '%rare%'::text))",
        ),
    ] {
        searcher.run(setting);
        let plan = searcher.plan("SELECT id FROM docs WHERE body LIKE '%rare%'");
        assert!(plan.contains(filter), "{plan}");
    }
    // One goes to its index, the other stays.
    searcher.run("RESET enable_bitmapscan; SET enable_seqscan = off");
    ground.owner().run("DROP INDEX docs_org");
    let plan = searcher.plan("SELECT id FROM docs WHERE body LIKE '%rare%' AND words @@ 'w3'::tsquery");
    assert!(plan.contains("Filter: ((org_id = 'a'::text) AND (body ~~ '%rare%'::text))"), "{plan}");
}

/// Whether a search goes to its index is decided by the column's statistics, as it is without row security.
#[test]
fn what_is_common_is_not_searched_for_by_index() {
    let ground = Ground::new("search_common");
    ground.table(
        "CREATE TABLE letters (id int, org_id text NOT NULL, doc jsonb, filler text);
         INSERT INTO letters SELECT g, CASE WHEN g % 20 = 0 THEN 'a' ELSE 'b' || g % 9 END,
             jsonb_build_object('all', true, 'k', g % 900), repeat('x', 400) FROM generate_series(1, 9000) g;
         CREATE INDEX letters_doc ON letters USING gin (doc jsonb_path_ops); ANALYZE letters",
        "letters",
    );
    let mut searcher = ground.searcher("a");
    for (doc, is_rare) in [("{\"k\": 100}", true), ("{\"all\": true}", false)] {
        let condition = format!("doc @> '{doc}'");
        let plan = searcher.plan(&format!("SELECT id FROM letters WHERE {condition}"));
        assert_eq!(plan.contains("letters_doc"), is_rare, "{doc}: {plan}");
        assert!(is_rare || plan.contains("idx_letters_org_id"), "{plan}");
        assert_eq!(found(&mut searcher, "letters", &condition), ground.truth("letters", "a", &condition));
    }
}
