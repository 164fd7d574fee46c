//! Applies steps to facts as the server would, so that plans can be tested without one.

use super::*;
use crate::sql::Ident;
use proptest::prelude::*;

fn ident(name: &str) -> Ident {
    Ident::new(name).expect("a legal name")
}

fn apply(facts: &mut Facts, steps: &[Step]) {
    for step in steps.iter().filter(|s| s.state == State::Planned) {
        apply_one(facts, step.action.as_ref().expect("a planned step changes something"));
    }
}

fn apply_one(facts: &mut Facts, action: &Action) {
    let find = |facts: &Facts, part: Part| {
        facts.policies.iter().position(|p| p.name.raw() == part.name()).expect("a policy that stands")
    };
    match action {
        Action::CreateIndex { index, on, .. } => {
            let leading =
                (Some(on.as_str()) != facts.column.as_ref().map(|c| c.quoted.as_str())).then(|| on.clone());
            facts.indexes.push(Index {
                name: index.clone(),
                valid: true,
                plain: true,
                leading,
                comment: None,
            });
        }
        Action::Reindex(name) | Action::MarkIndex(name) | Action::DropIndex(name) => {
            let i = facts.indexes.iter().position(|i| i.name == *name).expect("an index that stands");
            match action {
                Action::DropIndex(_) => drop(facts.indexes.remove(i)),
                Action::MarkIndex(_) => facts.indexes[i].comment = Some(action::INDEX_COMMENT.into()),
                _ => facts.indexes[i].valid = true,
            }
        }
        Action::CreateGuard => {
            assert!(facts.guard.is_none(), "a trigger of that name stands already");
            facts.guard = Some(Guard { enabled: 'O', right: true });
        }
        Action::ArmGuard => facts.guard.as_mut().expect("a guard").enabled = 'A',
        Action::CommentOnGuard | Action::CommentOnStamp | Action::CommentOnPolicy(_) => {}
        Action::DropGuard => facts.guard = None,
        Action::CreateStamp(Actor { column, missing }) => {
            assert!(facts.stamp.is_none(), "a trigger of that name stands already");
            let (column, missing) = (Some(column.clone()), Some(missing.word().to_owned()));
            facts.stamp = Some(Stamp { enabled: 'O', right: true, column, missing });
        }
        Action::EnableStamp => facts.stamp.as_mut().expect("a trigger").enabled = 'O',
        Action::DropStamp => facts.stamp = None,
        Action::SetDefault { column, expression } => {
            default_of(facts, column).default = Some(expression.clone());
        }
        Action::DropDefault(column) => default_of(facts, column).default = None,
        Action::CreatePolicy { policy, roles } => {
            assert!(!facts.has(policy.part), "a policy of that name stands already");
            facts.policies.push(standing(policy, policy.part.permissive(), roles));
        }
        Action::AlterPolicy { policy, roles } => {
            let i = find(facts, policy.part);
            let comment = facts.policies[i].comment.clone();
            let new = standing(policy, facts.policies[i].permissive, roles);
            facts.policies[i] = Policy { comment, ..new };
        }
        Action::Remember(text) => {
            let i = find(facts, Part::Fence);
            facts.policies[i].comment = Some(text.clone());
        }
        Action::DropPolicy(part) => {
            let i = find(facts, *part);
            facts.policies.remove(i);
        }
        Action::RowSecurity(on) => facts.row_security = *on,
        Action::Force(on) => facts.force = *on,
        Action::CreateOrgIndex { .. } => unreachable!("the user's to run"),
        Action::Link(_) | Action::Adopt(_) => unreachable!("protect ties no tables together"),
        Action::CopyView { .. } => unreachable!("no table here has a copy view"),
    }
}

fn default_of<'f>(facts: &'f mut Facts, name: &Ident) -> &'f mut Column {
    let columns = [facts.column.as_mut(), facts.project.as_mut()];
    columns.into_iter().flatten().find(|c| c.name == *name).expect("a column")
}

fn standing(wanted: &Wanted, permissive: bool, roles: &[Grantee]) -> Policy {
    let column = if wanted.part == Part::Project { "project_id" } else { "org_id" };
    Policy {
        name: ident(wanted.part.name()),
        permissive,
        command: wanted.part.command(),
        roles: roles.to_vec(),
        using: Some(wanted.using.printed.clone()),
        check: wanted.check.as_ref().map(|check| check.printed.clone()),
        columns: vec![ident(column)],
        comment: None,
    }
}

fn column(name: &str) -> Column {
    Column {
        name: ident(name),
        quoted: name.into(),
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
    }
}

pub(super) fn table() -> Facts {
    Facts {
        oid: 20000,
        schema: ident("public"),
        name: ident("agents"),
        kind: 'r',
        is_partition: false,
        root: None,
        parents: vec![],
        other_temp: false,
        system: false,
        extension: None,
        owner: ident("owner"),
        owned: true,
        row_security: false,
        force: false,
        may_create_index: true,
        column: Some(column("org_id")),
        project: Some(column("project_id")),
        actor: Some(column("created_by")),
        policies: vec![],
        indexes: vec![],
        guard: None,
        stamp: None,
        open_parents: vec![],
        fenced_parents: vec![],
        open_children: vec![],
        through: None,
        adopts: false,
        fallback: None,
        copy_view: None,
        copy: None,
    }
}

pub(super) fn spec() -> Spec {
    Spec {
        org: Source::Column(ident("org_id")),
        force: true,
        create_index: true,
        set_default: true,
        roles: None,
        shared_rows: None,
        project: Extra::Keep,
        actor: Extra::Keep,
        copy_view: None,
    }
}

fn around() -> Surroundings<'static> {
    Surroundings { max_inline_index: 1, is_expression: Some(|_| true), ..Default::default() }
}

fn steps(spec: &Spec, facts: &Facts) -> Vec<Step> {
    protect(spec, facts, &around()).expect("a table that can be protected")
}

fn kinds(steps: &[Step]) -> Vec<Kind> {
    steps.iter().map(|s| s.kind).collect()
}

#[test]
fn the_fence_comes_before_the_flags_and_the_index_first() {
    let steps = steps(&spec(), &table());
    let statements: Vec<&str> = steps.iter().filter_map(|s| s.statement.as_deref()).collect();
    assert_eq!(statements[0], "CREATE INDEX idx_agents_org_id ON public.agents (org_id)");
    assert_eq!(
        statements[statements.len() - 2..],
        [
            "ALTER TABLE public.agents ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE public.agents FORCE ROW LEVEL SECURITY"
        ]
    );
    assert!(statements.contains(
        &"CREATE POLICY org_scope_fence ON public.agents AS RESTRICTIVE FOR ALL TO PUBLIC \
          USING (org_id OPERATOR(pg_catalog.=) org_scope.fence_org_uuid()) \
          WITH CHECK (org_id OPERATOR(pg_catalog.=) org_scope.fence_org_uuid())"
    ));
}

#[test]
fn a_large_table_gets_its_index_from_the_user_until_it_is_valid() {
    let large = Surroundings { size: 2, ..around() };
    let mut facts = table();
    for _ in 0..2 {
        let steps = protect(&spec(), &facts, &large).expect("steps");
        assert_eq!(steps[0].state, State::RunYourself);
        assert!(steps[0].statement.as_deref().is_some_and(|s| s.starts_with("CREATE INDEX CONCURRENTLY")));
        apply(&mut facts, &steps);
    }
    facts.indexes.push(Index { name: ident("x"), valid: false, plain: true, leading: None, comment: None });
    let again = protect(&spec(), &facts, &large).expect("steps");
    assert_eq!(again[0].statement.as_deref(), Some("REINDEX INDEX CONCURRENTLY public.x"));
    facts.indexes[0].valid = true;
    assert_eq!(protect(&spec(), &facts, &large).expect("steps"), []);
}

#[test]
fn the_gate_comes_by_itself_only_where_it_widens_nothing() {
    let gate = |facts: &Facts, spec: &Spec| kinds(&steps(spec, facts)).contains(&Kind::Gate);
    let mut closed = table();
    closed.row_security = true;
    let mut dormant = table();
    dormant.policies.push(Policy {
        name: ident("own"),
        permissive: true,
        command: '*',
        roles: vec![Grantee::PUBLIC],
        using: Some("true".into()),
        check: None,
        columns: vec![],
        comment: None,
    });
    assert!(gate(&table(), &spec()));
    assert!(!gate(&closed, &spec()) && !gate(&dormant, &spec()));
    let given = Spec { roles: Some(vec![Grantee::PUBLIC]), ..spec() };
    assert!(gate(&closed, &given) && gate(&dormant, &given));

    let mut replaced = table();
    apply(&mut replaced, &steps(&spec(), &table()));
    replaced.policies.retain(|p| p.name.raw() != GATE);
    assert!(gate(&replaced, &spec()), "dropped with nothing in its place is drift");
    replaced.policies.push(dormant.policies[0].clone());
    assert_eq!(steps(&spec(), &replaced), [], "finer policies are respected");
}

#[test]
fn changed_options_are_the_only_difference() {
    let mut facts = table();
    apply(&mut facts, &steps(&spec(), &table()));
    let unforced = steps(&Spec { force: false, ..spec() }, &facts);
    assert_eq!(kinds(&unforced), [Kind::Fence, Kind::Force]);
    apply(&mut facts, &unforced);
    assert!(!facts.force && facts.memory().is_some_and(|m| !m.force));
    let roles = Some(vec![Grantee(Some(ident("app")))]);
    let gated = steps(&Spec { force: false, roles, ..spec() }, &facts);
    assert_eq!(kinds(&gated), [Kind::Gate, Kind::Fence]);
}

#[test]
fn a_fence_on_another_column_is_not_moved() {
    let mut facts = table();
    apply(&mut facts, &steps(&spec(), &table()));
    facts.column.as_mut().expect("a column").name = ident("other");
    let wanted = Source::Column(ident("other"));
    let error = protect(&Spec { org: wanted.clone(), ..spec() }, &facts, &around());
    assert_eq!(
        error,
        Err(Refusal::FencedOn { columns: vec![ident("org_id")], wanted, whole: Box::new(facts.table()) })
    );
}

#[test]
fn lost_comments_do_no_harm() {
    let mut facts = table();
    apply(&mut facts, &steps(&spec(), &table()));
    for policy in &mut facts.policies {
        policy.comment = None;
    }
    facts.indexes[0].comment = None;
    assert_eq!(steps(&spec(), &facts), []);
    assert_eq!(drift(&facts), []);
    let back = unprotect(&facts, |_| true);
    apply(&mut facts, &back);
    assert!(facts.row_security && facts.force, "left as they are");
    let yours = back.iter().filter(|s| s.state == State::RunYourself).count();
    assert_eq!(yours, 3, "FORCE, row security and the index");
    assert!(facts.policies.is_empty() && facts.guard.is_none());
}

#[test]
fn policies_that_came_later_stay_in_force() {
    let mut facts = table();
    apply(&mut facts, &steps(&spec(), &table()));
    facts.policies.push(Policy { name: ident("own"), ..facts.policies[0].clone() });
    let back = unprotect(&facts, |_| true);
    apply(&mut facts, &back);
    assert!(facts.row_security);
    assert!(back.iter().any(|s| s.kind == Kind::RowSecurity && s.state == State::RunYourself));
}

#[derive(Debug, Clone)]
enum Tamper {
    Permissive,
    Roles,
    Condition,
    DropFence,
    DropGate,
    GateCondition,
    DisarmGuard,
    DropGuard,
    Default,
    NoForce,
    NoRls,
    Forget,
    DropPart,
    PartCondition,
    DisableStamp,
    DropStamp,
}

const PARTS_BESIDE: [Part; 4] = [Part::UpdateFence, Part::DeleteFence, Part::Project, Part::SharedGate];

fn tamper(facts: &mut Facts, how: &Tamper) {
    let policy = |facts: &mut Facts, name: &str, change: fn(&mut Policy)| {
        facts.policies.iter_mut().filter(|p| p.name.raw() == name).for_each(change);
    };
    match how {
        Tamper::Permissive => policy(facts, FENCE, |p| p.permissive = true),
        Tamper::Roles => policy(facts, FENCE, |p| p.roles = vec![Grantee(Some(ident("app")))]),
        Tamper::Condition => policy(facts, FENCE, |p| p.using = Some("true".into())),
        Tamper::GateCondition => policy(facts, GATE, |p| p.check = None),
        Tamper::DropFence => facts.policies.retain(|p| p.name.raw() != FENCE),
        Tamper::DropGate => facts.policies.retain(|p| p.name.raw() != GATE),
        Tamper::DisarmGuard => facts.guard.iter_mut().for_each(|g| g.enabled = 'D'),
        Tamper::DropGuard => facts.guard = None,
        Tamper::Default => facts.column.as_mut().expect("a column").default = None,
        Tamper::NoForce => facts.force = false,
        Tamper::NoRls => facts.row_security = false,
        Tamper::DropPart => {
            facts.policies.retain(|p| PARTS_BESIDE.iter().all(|part| p.name.raw() != part.name()))
        }
        Tamper::PartCondition => {
            PARTS_BESIDE
                .iter()
                .for_each(|part| policy(facts, part.name(), |p| p.using = Some("true".into())));
        }
        Tamper::DisableStamp => facts.stamp.iter_mut().for_each(|s| s.enabled = 'D'),
        Tamper::DropStamp => facts.stamp = None,
        Tamper::Forget => policy(facts, FENCE, |p| p.comment = Some("{gone".into())),
    }
}

fn any_tamper() -> impl Strategy<Value = Tamper> {
    use Tamper::*;
    prop::sample::select(vec![
        Permissive,
        Roles,
        Condition,
        DropFence,
        DropGate,
        GateCondition,
        DisarmGuard,
        DropGuard,
        Default,
        NoForce,
        NoRls,
        Forget,
        DropPart,
        PartCondition,
        DisableStamp,
        DropStamp,
    ])
}

fn any_table() -> impl Strategy<Value = Facts> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, prop::option::of("[a-z' ]{1,8}")).prop_map(|((rls, force, generated, policy, index), default)| {
        let mut facts = table();
        facts.row_security = rls;
        facts.force = force;
        let column = facts.column.as_mut().expect("a column");
        column.generated = generated;
        column.default = default.clone().filter(|_| !generated);
        facts.project.as_mut().expect("a column").default = default;
        if policy {
            let own = Policy {
                name: ident("own"),
                permissive: true,
                command: 'r',
                roles: vec![Grantee::PUBLIC],
                using: None,
                check: None,
                columns: vec![],
                comment: None,
            };
            facts.policies.push(own);
        }
        if index {
            facts.indexes.push(Index {
                name: ident("mine"),
                valid: true,
                plain: true,
                leading: None,
                comment: None,
            });
        }
        facts
    })
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let roles = prop::option::of(prop::sample::subsequence(
        vec![Grantee::PUBLIC, Grantee(Some(ident("app"))), Grantee(Some(ident("Odd \"role\"")))],
        1..=2,
    ));
    let shared = prop::option::of(any::<bool>());
    let project = prop::sample::select(vec![Extra::Keep, Extra::Without, Extra::With(ident("project_id"))]);
    let actor = |missing| Extra::With(Actor { column: ident("created_by"), missing });
    let actor = prop::sample::select(vec![
        Extra::Keep,
        Extra::Without,
        actor(MissingUser::Error),
        actor(MissingUser::Null),
    ]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (flags, roles, shared, project, actor).prop_map(
        |((force, create_index, set_default), roles, shared_rows, project, actor)| Spec {
            force,
            create_index,
            set_default,
            roles,
            shared_rows,
            project,
            actor,
            ..spec()
        },
    )
}

proptest! {
    #[test]
    fn a_second_call_has_nothing_to_do(facts in any_table(), first in any_spec(), second in any_spec()) {
        let mut facts = facts;
        for spec in [first, second] {
            let planned = steps(&spec, &facts);
            apply(&mut facts, &planned);
            let again: Vec<_> = steps(&spec, &facts).into_iter().filter(|s| s.state != State::Note).collect();
            prop_assert_eq!(again, vec![]);
            prop_assert_eq!(drift(&facts), vec![]);
        }
    }

    #[test]
    fn drift_is_repaired_and_shown(
        facts in any_table(), spec in any_spec(), tampers in prop::collection::vec(any_tamper(), 1..4),
    ) {
        let mut facts = facts;
        let spec = Spec { force: true, ..spec };
        let planned = steps(&spec, &facts);
        apply(&mut facts, &planned);
        for how in &tampers {
            tamper(&mut facts, how);
        }
        let repair = steps(&spec, &facts);
        apply(&mut facts, &repair);
        prop_assert!(steps(&spec, &facts).iter().all(|s| s.state == State::Note));
        let fence = facts.policy(FENCE).expect("a fence");
        prop_assert!(!fence.permissive && fence.roles == [Grantee::PUBLIC] && facts.row_security && facts.force);
    }

    #[test]
    fn unprotect_gives_back_the_table_that_protect_found(found in any_table(), spec in any_spec()) {
        let mut facts = found.clone();
        let planned = steps(&spec, &facts);
        apply(&mut facts, &planned);
        let back = unprotect(&facts, |_| true);
        apply(&mut facts, &back);
        prop_assert_eq!(&facts, &found);
        prop_assert_eq!(unprotect(&facts, |_| true), vec![]);
    }
}
