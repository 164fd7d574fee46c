//! The way back: what protect_through brought goes.

use super::{Link, Standing};
use crate::policy::action::Action;
use crate::policy::{Facts, Kind, State, Step};
use crate::sql::QualifiedName;

/// The steps on the child, and those on the parent; the fence is gone before them.
pub fn undo(child: &Facts, standing: &Standing) -> (Vec<Step>, Vec<Step>) {
    if !standing.is_there() {
        return (Vec::new(), Vec::new());
    }
    let table = child.table();
    let mut mine = Vec::new();
    let mut push =
        |kind, link, reason: &str| mine.push(Step::planned(kind, &table, Action::Link(link), reason));
    if standing.fill.is_some() {
        push(Kind::Through, Link::DropFill, "takes the trigger away");
    }
    match &standing.keeper {
        Some(keeper) if keeper.foreign_key => {
            push(Kind::Through, Link::DropForeignKey, "takes the foreign key away");
        }
        Some(_) => push(Kind::Through, Link::DropCheck, "takes the trigger away"),
        None => {}
    }
    for index in &standing.key_indexes {
        push(
            Kind::Index,
            Link::DropIndex(index.clone()),
            "takes away the index that protect_through brought",
        );
    }
    match &standing.brought {
        Some(column) => {
            let reason = "takes away the column that protect_through brought; all in it came from the parents";
            push(Kind::Column, Link::DropColumn(column.clone()), reason);
        }
        None => mine.push(Step::note(
            Kind::Column,
            None,
            "the org column stays: it was there before protect_through, or the comment that says otherwise is lost",
        )),
    }
    (mine, parents(standing))
}

fn parents(standing: &Standing) -> Vec<Step> {
    let Some(keeper) = &standing.keeper else { return Vec::new() };
    let parent: QualifiedName = keeper.parent();
    let mut steps = Vec::new();
    let mut push =
        |kind, link, reason: &str| steps.push(Step::planned(kind, &parent, Action::Link(link), reason));
    for index in &standing.unique {
        push(
            Kind::Index,
            Link::DropIndex(index.clone()),
            "takes away the index that protect_through brought",
        );
    }
    if !keeper.foreign_key && standing.siblings == 0 {
        if standing.children {
            push(
                Kind::Through,
                Link::DropChildren,
                "no other table goes through the parent by an expression",
            );
        }
        if standing.orphans {
            push(Kind::Through, Link::DropOrphans, "no other table goes through the parent by an expression");
        }
    }
    if !standing.parent_owned {
        for step in &mut steps {
            step.state = State::RunYourself;
        }
    }
    steps
}
