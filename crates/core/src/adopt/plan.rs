//! From what stands to the next phase: the difference, in the order in which it is executed.

use super::{Adopted, Change, Explaining, Expression, Source, Standing};
use crate::org::OrgType;
use crate::policy::through::{Trigger, same};
use crate::policy::{Action, Kind, State, Step, family_of_type};
use crate::sql::Ident;

/// What an index depends on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room<'a> {
    /// Above this size it is left to the user.
    pub max_inline: u64,
    /// A free name.
    pub name: Option<&'a Ident>,
    /// Whether the user may create one in the schema.
    pub may_create: bool,
}

struct Work<'a> {
    standing: &'a Standing,
    steps: Vec<Step>,
}

impl Work<'_> {
    fn push(&mut self, kind: Kind, change: Change, reason: &str) {
        let table = self.standing.table();
        self.steps.push(Step::planned(kind, &table, Action::Adopt(change), reason));
    }

    fn run_yourself(&mut self, kind: Kind, change: Change, reason: &str) {
        self.push(kind, change, reason);
        if let Some(step) = self.steps.last_mut() {
            step.state = State::RunYourself;
        }
    }

    /// Brings a trigger, or mends it.
    fn trigger(&mut self, stands: Option<&Trigger>, changes: [Change; 4], reason: &str) {
        let [create, comment, enable, drop] = changes;
        match stands {
            Some(trigger) if same(&trigger.definition, &create.statement(&self.standing.table())) => {
                if trigger.enabled != 'O' {
                    self.push(Kind::Adoption, enable, "the trigger had been switched off");
                }
                return;
            }
            Some(_) => self.push(Kind::Adoption, drop, "the trigger had been altered"),
            None => {}
        }
        self.push(Kind::Adoption, create, reason);
        self.push(Kind::Adoption, comment, "says what it is for");
    }
}

/// What the index for the transition is on; none where none helps.
fn index_on(adopted: &Adopted) -> Option<String> {
    match &adopted.source {
        Source::Row(Explaining { legacy, .. }) => Some(legacy.to_string()),
        Source::Expression(Expression { bare, .. }) => Some(format!("({bare})")),
        Source::Constant(_) => None,
    }
}

/// Whether an index is to be built: then its name is needed.
pub fn wants_index(standing: &Standing, adopted: &Adopted) -> bool {
    index_on(adopted).is_some() && standing.indexes.is_empty()
}

/// Column and triggers, in a transaction of their own, and then the index.
pub fn expand(
    standing: &Standing,
    adopted: &Adopted,
    type_name: &str,
    room: Room<'_>,
) -> (Vec<Step>, Vec<Step>) {
    let mut work = Work { standing, steps: Vec::new() };
    let org = &adopted.org;
    if standing.org.is_none() {
        let add = Change::AddColumn { column: org.clone(), type_name: type_name.to_owned() };
        work.push(Kind::Column, add, "holds the organization of the row; the rows that stand have none yet");
        work.push(Kind::Column, Change::MarkColumn(org.clone()), "marks the column as brought by adopt");
    }
    let create = create_adopt(adopted);
    work.trigger(
        standing.adopt.as_ref(),
        [create, Change::CommentOnAdopt, Change::EnableAdopt, Change::DropAdopt],
        "gives every row that is written its organization, whichever version of the application writes it",
    );
    work.trigger(
        standing.rest.as_ref(),
        [Change::CreateRest(org.clone()), Change::CommentOnRest, Change::EnableRest, Change::DropRest],
        "a row without an organization gets one when anything of it is written",
    );
    let first = std::mem::take(&mut work.steps);
    work.index(adopted, room);
    (first, work.steps)
}

fn create_adopt(adopted: &Adopted) -> Change {
    let org = adopted.org.clone();
    let (mut columns, when, words) = match &adopted.source {
        Source::Row(Explaining { lookup: Some(lookup), legacy, .. }) => {
            (vec![legacy.clone()], None, vec!["lookup".to_owned(), lookup.raw().to_owned()])
        }
        Source::Row(Explaining { lookup: None, legacy, .. }) => {
            (vec![legacy.clone()], None, vec!["parent".to_owned()])
        }
        Source::Expression(Expression { of_new, columns, legacy, .. }) => {
            let mut all: Vec<Ident> = legacy.iter().cloned().collect();
            all.extend(columns.iter().filter(|c| Some(*c) != legacy.as_ref()).cloned());
            (
                all,
                Some(format!("(new.{org} IS DISTINCT FROM ({of_new}))")),
                named("expression", legacy.as_ref()),
            )
        }
        Source::Constant(constant) => {
            let mut words = vec!["constant".to_owned(), constant.org.clone()];
            words.extend(constant.legacy.as_ref().map(|_| "named".to_owned()));
            (constant.legacy.iter().cloned().collect(), None, words)
        }
    };
    columns.push(org);
    Change::CreateAdopt { columns, when, words }
}

fn named(kind: &str, legacy: Option<&Ident>) -> Vec<String> {
    let mut words = vec![kind.to_owned()];
    words.extend(legacy.map(|_| "named".to_owned()));
    words
}

impl Work<'_> {
    fn index(&mut self, adopted: &Adopted, room: Room<'_>) {
        let Some(on) = index_on(adopted) else { return };
        if let Some(index) = self.standing.indexes.iter().find(|index| !index.valid) {
            let reason = "the index isn't valid: CREATE INDEX CONCURRENTLY is running, or was interrupted; call again \
                          when it is";
            return self.run_yourself(Kind::Index, Change::Reindex(index.name.clone()), reason);
        }
        if !self.standing.indexes.is_empty() {
            return;
        }
        let Some(index) = room.name.cloned() else { return };
        let create = |concurrently| Change::CreateIndex {
            index: index.clone(),
            on: on.clone(),
            org: adopted.org.clone(),
            concurrently,
        };
        if self.standing.size > room.max_inline || !room.may_create {
            let reason = "finds the rows without an organization; building it here would block writers, or you may not \
                          create in the schema: run both, then go on";
            self.run_yourself(Kind::Index, create(true), reason);
            self.run_yourself(Kind::Index, Change::MarkIndex(index), "says that it goes with the transition");
        } else {
            self.push(Kind::Index, create(false), "finds the rows without an organization");
            self.push(Kind::Index, Change::MarkIndex(index), "says that it goes with the transition");
        }
    }
}

/// NOT NULL without a long lock: each part is a transaction of its own. What comes last goes with the strict fence.
pub fn enforce(standing: &Standing) -> [Vec<Step>; 3] {
    let Some(org) = standing.org.as_ref() else { return Default::default() };
    let part = |changes: Vec<(Kind, Change, &str)>| {
        let mut work = Work { standing, steps: Vec::new() };
        for (kind, change, reason) in changes {
            work.push(kind, change, reason);
        }
        work.steps
    };
    let mut parts: [Vec<Step>; 3] = Default::default();
    if !org.not_null {
        if standing.not_null.is_none() {
            let reason =
                "from now on no row without an organization is written; the rows that stand are not read yet";
            parts[0] = part(vec![(Kind::NotNull, Change::AddNotNull(org.name.clone()), reason)]);
        }
        if standing.not_null != Some(true) {
            let reason = "the server reads every row: writers go on meanwhile";
            parts[1] = part(vec![(Kind::NotNull, Change::ValidateNotNull, reason)]);
        }
        let reason = "the constraint has proved it, so no row is read again";
        parts[2] = part(vec![(Kind::NotNull, Change::SetNotNull(org.name.clone()), reason)]);
    }
    if !org.not_null || standing.not_null.is_some() {
        parts[2].extend(part(vec![(Kind::NotNull, Change::DropNotNull, "NOT NULL says the same")]));
    }
    if standing.rest.is_some() {
        parts[2].extend(part(vec![(Kind::Adoption, Change::DropRest, "no row is without an organization")]));
    }
    parts
}

/// What served the transition alone. New code that names no key goes on getting the session's user as one: by a
/// DEFAULT, where the column must have a value.
pub fn finish(standing: &Standing, adopted: &Adopted) -> Vec<Step> {
    let mut work = Work { standing, steps: Vec::new() };
    if let (Source::Row(Explaining { is_user: true, .. }), Some(legacy)) = (&adopted.source, &standing.legacy)
        && legacy.not_null
        && !legacy.has_default
        && let Some(family) = family_of_type(&legacy.base_type)
    {
        let user = "org_scope.current_user_id()";
        let expression = match family {
            OrgType::Text => user.to_owned(),
            OrgType::Uuid => format!("({user})::pg_catalog.uuid"),
            OrgType::Bigint => format!("({user})::pg_catalog.int8"),
        };
        let reason =
            "new code names no key, and the column must have one: the session's user, as the trigger had it";
        work.push(Kind::Default, Change::SetDefault { column: legacy.name.clone(), expression }, reason);
    }
    work.transition("served the transition alone");
    work.steps
}

/// The way back, after the fence is gone. The data stay, unless the column that came is to go.
pub fn abandon(standing: &Standing, drop_column: bool) -> Vec<Step> {
    let mut work = Work { standing, steps: Vec::new() };
    work.transition("came with the adoption");
    if standing.not_null.is_some() {
        work.push(Kind::NotNull, Change::DropNotNull, "came with the adoption");
    }
    let Some(org) = &standing.org else { return work.steps };
    match (org.brought, drop_column) {
        (true, true) => work.push(
            Kind::Column,
            Change::DropColumn(org.name.clone()),
            "takes away the column that adopt brought, with what is in it",
        ),
        (false, true) => {
            work.steps.push(Step::note(
                Kind::Column,
                None,
                "the org column stays: it was there before adopt, or the comment that says otherwise is lost",
            ));
        }
        _ => {}
    }
    if org.not_null && !(org.brought && drop_column) {
        work.push(
            Kind::NotNull,
            Change::Nullable(org.name.clone()),
            "old code writes rows without an organization",
        );
    }
    work.steps
}

impl Work<'_> {
    fn transition(&mut self, reason: &str) {
        if self.standing.adopt.is_some() {
            self.push(Kind::Adoption, Change::DropAdopt, reason);
        }
        if self.standing.rest.is_some() {
            self.push(Kind::Adoption, Change::DropRest, reason);
        }
        for index in &self.standing.indexes {
            self.push(Kind::Index, Change::DropIndex(index.name.clone()), reason);
        }
    }
}
