//! Applies phases to facts as the server would, so that plans can be tested without one.

use std::collections::HashMap;

use proptest::prelude::*;

use super::action::Definition;
use super::*;
use crate::policy::{Column, Kind, State};
use crate::sql::Ident;

const CHILD: u32 = 20000;
const PARENT: u32 = 20001;

fn ident(name: &str) -> Ident {
    Ident::new(name).expect("a legal name")
}

fn idents(names: &[&str]) -> Vec<Ident> {
    names.iter().map(|n| ident(n)).collect()
}

fn unique(oid: u32, name: &str, columns: &[&str]) -> UniqueKey {
    UniqueKey {
        oid,
        name: ident(name),
        columns: columns.iter().map(|c| Some(ident(c))).collect(),
        plain: true,
        valid: true,
        immediate: true,
        primary: false,
        exclusion: false,
        constraint: true,
        deferrable: false,
        deferred: false,
        definition: Some(format!("{})", columns.join(", "))),
        given: true,
        replica_identity: false,
        part: false,
        used_by: vec![],
        comment: None,
    }
}

fn table(oid: u32, name: &str, org: &str) -> Table {
    Table {
        oid,
        schema: ident("public"),
        name: ident(name),
        kind: 'r',
        owner: ident("owner"),
        owned: true,
        may_create_index: true,
        fenced: true,
        column: Some(Column {
            name: ident(org),
            quoted: org.into(),
            type_name: "uuid".into(),
            type_oid: 2950,
            base_type: ("pg_catalog".into(), "uuid".into()),
            is_domain: false,
            deterministic: true,
            not_null: true,
            generated: false,
            identity: false,
            readable: true,
            default: None,
        }),
        shared: false,
        check: Some(format!("({org} = org_scope.fence_org_uuid())")),
        uniques: vec![unique(oid + 100, &format!("{name}_pkey"), &["id"])],
    }
}

fn key(oid: u32, name: &str, columns: &[&str], parent_columns: &[&str]) -> ForeignKey {
    ForeignKey {
        oid,
        name: ident(name),
        table: CHILD,
        parent: PARENT,
        columns: idents(columns),
        parent_columns: idents(parent_columns),
        operators: columns.iter().map(|_| Operator::from((ident("pg_catalog"), "=".into()))).collect(),
        match_type: 's',
        on_update: 'a',
        on_delete: 'a',
        set_columns: vec![],
        deferrable: false,
        deferred: false,
        validated: true,
        part_of: None,
        enforced: true,
        temporal: false,
        nullable: false,
        same_rights: true,
        readable: true,
        comment: None,
    }
}

fn facts(keys: Vec<ForeignKey>) -> Facts {
    Facts { tables: vec![table(CHILD, "child", "org_id"), table(PARENT, "parent", "tenant")], keys }
}

fn planned_with(facts: &Facts, asked: &[Ident], crossing: &HashMap<u32, Crossing>) -> Plan {
    let around =
        Around { unique_per_org: asked, crossing, rooms: &HashMap::new(), max_inline_index: u64::MAX };
    plan(facts, CHILD, &around).expect("a fenced table")
}

fn planned(facts: &Facts) -> Plan {
    planned_with(facts, &[], &HashMap::new())
}

fn statements(plan: &Plan) -> Vec<&str> {
    plan.phases.iter().flatten().filter_map(|c| c.step.statement.as_deref()).collect()
}

fn add(facts: &mut Facts, table: u32, definition: &Definition, validated: bool) {
    let oid = facts.keys.iter().map(|k| k.oid).max().unwrap_or(0) + 1;
    let columns = definition.columns.clone();
    let operators = columns.iter().map(|_| Operator::from((ident("pg_catalog"), "=".into()))).collect();
    assert!(facts.keys.iter().all(|k| k.name != definition.name), "a constraint of that name stands");
    let parent = facts.tables.iter().find(|t| t.name() == definition.parent).expect("a parent");
    let referenced: Vec<&Ident> = definition.parent_columns.iter().collect();
    assert!(parent.uniques.iter().any(|u| u.valid && u.is_on(&referenced)), "the server asks for the key");
    facts.keys.push(ForeignKey {
        columns,
        operators,
        parent_columns: definition.parent_columns.clone(),
        table,
        parent: parent.oid,
        match_type: if definition.full { 'f' } else { 's' },
        on_update: definition.on_update,
        on_delete: definition.on_delete,
        set_columns: definition.set_columns.clone(),
        deferrable: definition.deferrable.0,
        deferred: definition.deferrable.1,
        validated,
        ..key(oid, definition.name.raw(), &[], &[])
    });
}

fn apply(facts: &mut Facts, change: &Change) {
    let fresh = facts.tables.iter().flat_map(|t| &t.uniques).map(|u| u.oid).max().unwrap_or(0) + 1;
    let target = change.target;
    let at = facts.tables.iter().position(|t| t.oid == target).expect("a table");
    let org = facts.tables[at].column.as_ref().expect("a column").quoted.clone();
    let uniques = &mut facts.tables[at].uniques;
    let find = |uniques: &[UniqueKey], name: &Ident| {
        uniques.iter().position(|u| u.name == *name).expect("an index that stands")
    };
    match &change.action {
        Action::CreateKey { index, columns, .. } => {
            let names: Vec<&str> = columns.iter().map(Ident::raw).collect();
            uniques.push(UniqueKey { constraint: false, ..unique(fresh, index.raw(), &names) });
        }
        Action::CreateUnique { index, rest, .. } => {
            let definition = format!("{org}, {rest}");
            let names: Vec<&str> = definition.trim_end_matches(')').split(", ").collect();
            let built = unique(fresh, index.raw(), &names);
            uniques.push(UniqueKey { constraint: false, definition: Some(definition.clone()), ..built });
        }
        Action::SwapUnique { name, index, primary, .. } => {
            uniques.remove(find(uniques, name));
            let i = find(uniques, index);
            uniques[i] =
                UniqueKey { name: name.clone(), constraint: true, primary: *primary, ..uniques[i].clone() };
        }
        Action::DropIndex(name) => drop(uniques.remove(find(uniques, name))),
        Action::RenameIndex { from, to } => {
            let i = find(uniques, from);
            uniques[i].name = to.clone();
        }
        Action::AddForeignKey(definition) => add(facts, target, definition, false),
        Action::Validate(name) => {
            facts.keys.iter_mut().find(|k| k.name == *name).expect("a key").validated = true;
        }
        Action::DropConstraint(name) => facts.keys.retain(|k| k.name != *name),
        Action::ReplaceForeignKey(definition) => {
            facts.keys.retain(|k| k.name != definition.name);
            add(facts, target, definition, true);
        }
        Action::RenameConstraint { from, to } => {
            facts.keys.iter_mut().find(|k| k.name == *from).expect("a key").name = to.clone();
        }
        Action::CommentOnKey(_) | Action::CommentOnConstraint { .. } | Action::CommentOnIndex { .. } => {}
        Action::Reindex(_) | Action::ReplaceUnique { .. } => unreachable!("the user's to run"),
    }
}

#[test]
fn a_key_is_built_beside_the_old_one_and_takes_its_place() {
    let facts = facts(vec![ForeignKey {
        on_delete: 'n',
        on_update: 'c',
        deferrable: true,
        deferred: true,
        ..key(1, "child_fkey", &["parent_id"], &["id"])
    }]);
    let plan = planned(&facts);
    let statements = statements(&plan);
    assert_eq!(statements[0], "CREATE UNIQUE INDEX uniq_parent_tenant_id ON public.parent (tenant, id)");
    assert_eq!(
        statements[2..],
        [
            "ALTER TABLE public.child ADD CONSTRAINT org_scope_key_1 FOREIGN KEY (org_id, parent_id) \
             REFERENCES public.parent (tenant, id) ON UPDATE CASCADE ON DELETE SET NULL (parent_id) \
             DEFERRABLE INITIALLY DEFERRED NOT VALID",
            "ALTER TABLE public.child VALIDATE CONSTRAINT org_scope_key_1",
            "ALTER TABLE public.child DROP CONSTRAINT child_fkey",
            "ALTER TABLE public.child RENAME CONSTRAINT org_scope_key_1 TO child_fkey",
        ]
    );
    assert_eq!(plan.phases.len(), 4);
    assert_eq!(
        plan.uncounted,
        [(
            1,
            "SELECT pg_catalog.count(*)::pg_catalog.text FROM ONLY public.child AS child \
             JOIN ONLY public.parent AS parent ON parent.id OPERATOR(pg_catalog.=) child.parent_id \
             WHERE (child.org_id OPERATOR(pg_catalog.=) parent.tenant) IS NOT TRUE"
                .to_owned()
        )]
    );
}

#[test]
fn rows_that_cross_are_reported_and_keep_their_key() {
    let facts = facts(vec![key(1, "child_fkey", &["parent_id"], &["id"])]);
    let plan = planned_with(&facts, &[], &HashMap::from([(1, Crossing::Rows(2))]));
    assert_eq!(plan.phases, Vec::<Vec<Change>>::new());
    let reported: Vec<_> = plan.reports.iter().map(|e| (e.step.kind, e.step.state)).collect();
    assert_eq!(reported, [(Kind::CrossOrgRows, State::RunYourself), (Kind::ForeignKey, State::Skipped)]);
    assert!(plan.reports[1].step.reason.contains("2 rows"), "{plan:#?}");
}

#[test]
fn what_would_change_its_meaning_stays() {
    let plain = || key(1, "child_fkey", &["parent_id"], &["id"]);
    let two = || key(1, "child_fkey", &["a", "b"], &["x", "y"]);
    for (odd, why) in [
        (ForeignKey { on_update: 'n', ..plain() }, "ON UPDATE SET NULL"),
        (ForeignKey { validated: false, ..plain() }, "never checked"),
        (
            ForeignKey { part_of: Some(table(9, "whole", "org_id").name()), ..plain() },
            "the key of public.whole",
        ),
        (ForeignKey { temporal: true, ..plain() }, "periods"),
        (ForeignKey { match_type: 'f', nullable: true, ..two() }, "MATCH FULL"),
        (ForeignKey { same_rights: false, ..plain() }, "owner"),
        (key(1, "child_fkey", &["org_id"], &["id"]), "something else"),
        (key(1, "child_fkey", &["friend", "parent_id"], &["tenant", "id"]), "something else"),
    ] {
        let plan = planned(&facts(vec![odd]));
        assert_eq!(plan.phases, Vec::<Vec<Change>>::new(), "{why}");
        assert!(plan.reports.iter().any(|e| e.step.reason.contains(why)), "{why}: {plan:#?}");
    }
    let mut typed = facts(vec![plain()]);
    let column = typed.tables[1].column.as_mut().expect("a column");
    column.base_type.1 = "text".into();
    typed.tables[1].check = Some("(tenant = org_scope.fence_org())".into());
    assert!(planned(&typed).reports[0].step.reason.contains("different types"));
    let mut expression = facts(vec![plain()]);
    expression.tables[1].check = Some("((tenant ->> 'x') = org_scope.fence_org())".into());
    assert!(planned(&expression).reports[0].step.reason.contains("something else than a column"));
}

#[test]
fn global_parents_and_keys_with_the_organization_are_nothing_to_do() {
    let mut global = facts(vec![key(1, "child_fkey", &["parent_id"], &["id"])]);
    global.tables[1].fenced = false;
    assert_eq!(planned(&global), Plan { notes: planned(&global).notes, ..Plan::default() });
    let safe = facts(vec![key(1, "child_fkey", &["parent_id", "org_id"], &["id", "tenant"])]);
    assert_eq!(statements(&planned(&safe)), Vec::<&str>::new());
}

#[test]
fn match_full_of_one_column_is_match_simple() {
    let full = ForeignKey { match_type: 'f', nullable: true, ..key(1, "k", &["parent_id"], &["id"]) };
    let facts = facts(vec![full]);
    assert!(!statements(&planned(&facts)).iter().any(|s| s.contains("MATCH FULL")));
}

#[test]
fn a_key_that_others_stand_on_waits_for_them() {
    let mut facts = facts(vec![]);
    facts.tables[0].uniques.push(UniqueKey {
        used_by: vec![(9, ident("other_fkey"), ident("public"), ident("other"))],
        ..unique(500, "child_email_key", &["email"])
    });
    let asked = idents(&["child_email_key"]);
    let plan = planned_with(&facts, &asked, &HashMap::new());
    assert_eq!(plan.phases, Vec::<Vec<Change>>::new());
    assert_eq!(plan.reports[0].step.statement.as_deref(), Some("CALL org_scope.harden('public.other')"));
}

#[test]
fn an_index_that_a_foreign_key_gets_becomes_the_primary_key() {
    let mut facts = facts(vec![ForeignKey { parent: CHILD, ..key(1, "boss", &["boss"], &["id"]) }]);
    facts.tables[0].uniques[0].primary = true;
    let asked = idents(&["child_pkey"]);
    let whole = planned_with(&facts, &asked, &HashMap::new());
    let mut ran = Vec::new();
    loop {
        let plan = planned_with(&facts, &asked, &HashMap::new());
        let Some(phase) = plan.phases.first() else { break };
        for change in phase {
            apply(&mut facts, change);
            ran.push(change.clone());
        }
    }
    assert_eq!(ran, whole.phases.concat(), "a plan shows what its phases do");
    let uniques = &facts.tables[0].uniques;
    assert_eq!((uniques.len(), uniques[0].primary, uniques[0].name.raw()), (1, true, "child_pkey"));
}

#[test]
fn a_partitioned_table_changes_its_key_in_one_statement() {
    let mut facts = facts(vec![key(1, "child_fkey", &["parent_id"], &["id"])]);
    facts.tables[0].kind = 'p';
    let plan = planned(&facts);
    assert_eq!(
        statements(&plan).last(),
        Some(
            &"ALTER TABLE public.child DROP CONSTRAINT child_fkey, ADD CONSTRAINT child_fkey FOREIGN KEY \
              (org_id, parent_id) REFERENCES public.parent (tenant, id)"
        )
    );
}

fn any_key(oid: u32) -> impl Strategy<Value = ForeignKey> {
    let shape = prop::sample::select(vec![
        (vec!["parent_id"], vec!["id"], PARENT),
        (vec!["a", "b"], vec!["x", "y"], PARENT),
        (vec!["b", "a"], vec!["y", "x"], PARENT),
        (vec!["boss"], vec!["id"], CHILD),
        (vec!["parent_id", "org_id"], vec!["id", "tenant"], PARENT),
    ]);
    let actions =
        (prop::sample::select(vec!['a', 'r', 'c', 'n']), prop::sample::select(vec!['a', 'r', 'c', 'n', 'd']));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), prop::sample::select(vec!['s', 'f']));
    (shape, actions, flags).prop_map(move |((own, parents, parent), (on_update, on_delete), flags)| {
        let (deferrable, deferred, validated, match_type) = flags;
        ForeignKey {
            parent,
            on_update,
            on_delete,
            deferrable,
            deferred: deferrable && deferred,
            validated: validated || matches!(oid, 2 | 4),
            match_type,
            ..key(oid, &format!("key_{oid}"), &own, &parents)
        }
    })
}

proptest! {
    #[test]
    fn every_key_keeps_its_meaning_whatever_interrupts(
        keys in (any_key(1), any_key(2), any_key(3), any_key(4)), at_once in any::<bool>(), partitioned in any::<bool>(),
    ) {
        let keys = vec![keys.0, keys.1, keys.2, keys.3];
        let mut facts = facts(keys.clone());
        facts.tables[0].kind = if partitioned { 'p' } else { 'r' };
        let reports = planned(&facts).reports;
        let stays = |k: &ForeignKey| {
            k.columns.contains(&ident("org_id"))
                || reports.iter().any(|e| e.step.reason.starts_with(&format!("{} stays", k.name)))
        };
        let left: Vec<Ident> = keys.iter().filter(|k| stays(k)).map(|k| k.name.clone()).collect();
        let mut rounds = 0;
        loop {
            let plan = planned(&facts);
            if plan.phases.is_empty() {
                break;
            }
            let take = if at_once { plan.phases.len() } else { 1 };
            for phase in &plan.phases[..take] {
                for change in phase {
                    apply(&mut facts, change);
                }
                for key in &keys {
                    let held = facts.keys.iter().any(|k| {
                        k.parent == key.parent && key.pairs().all(|pair| k.pairs().any(|p| p == pair))
                    });
                    prop_assert!(held, "{} is never without a key that checks it", key.name);
                }
            }
            rounds += 1;
            prop_assert!(rounds < 40, "it ends");
        }
        let meaning = |k: &ForeignKey| {
            let mut set = if k.sets_on_delete() { k.columns_to_set().to_vec() } else { vec![] };
            set.sort();
            (k.on_update, k.on_delete, k.deferrable, k.deferred, set)
        };
        for key in &keys {
            let named = facts.keys.iter().find(|k| k.name == key.name);
            if left.contains(&key.name) {
                prop_assert_eq!(named, Some(&ForeignKey { validated: named.is_some_and(|k| k.validated), ..key.clone() }));
                continue;
            }
            // One that does the same may have stood before, or been made for another key.
            let same = |k: &&ForeignKey| {
                k.parent == key.parent
                    && k.columns.len() == key.columns.len() + 1
                    && key.pairs().all(|pair| k.pairs().any(|p| p == pair))
                    && meaning(k) == meaning(key)
            };
            let now = named.or_else(|| facts.keys.iter().find(same));
            let now = now.expect("a key that does the same");
            let parents_org = if key.parent == CHILD { "org_id" } else { "tenant" };
            prop_assert!(now.validated && now.includes_org(&ident("org_id"), &ident(parents_org)));
            prop_assert_eq!(meaning(now), meaning(key));
        }
        prop_assert!(facts.keys.iter().all(|k| !k.name.raw().starts_with(PROVISIONAL)));
    }

    #[test]
    fn unique_keys_hold_per_organization_and_keep_their_names(
        constraint in any::<bool>(), primary in any::<bool>(), at_once in any::<bool>(),
    ) {
        let mut facts = facts(vec![]);
        let primary = primary && constraint;
        facts.tables[0].uniques.push(UniqueKey { constraint, primary, ..unique(500, "mail", &["email"]) });
        let asked = idents(&["mail"]);
        prop_assert!(planned(&facts).notes.iter().any(|n| n.step.kind == Kind::UniqueKey));
        for _ in 0..4 {
            let plan = planned_with(&facts, &asked, &HashMap::new());
            let take = if at_once { plan.phases.len() } else { plan.phases.len().min(1) };
            plan.phases[..take].iter().flatten().for_each(|change| apply(&mut facts, change));
        }
        prop_assert_eq!(planned_with(&facts, &asked, &HashMap::new()).phases, Vec::<Vec<Change>>::new());
        let mail: Vec<_> = facts.tables[0].uniques.iter().filter(|u| u.columns.contains(&Some(ident("email")))).collect();
        prop_assert_eq!(mail.len(), 1);
        prop_assert_eq!(mail[0].name.raw(), "mail");
        prop_assert!(mail[0].includes(&ident("org_id")) && (mail[0].constraint, mail[0].primary) == (constraint, primary));
    }
}
