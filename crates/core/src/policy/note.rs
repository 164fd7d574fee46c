//! What a user must know about a table that PostgreSQL, or the table's past, keeps protect from fencing.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::action::Text;
use super::view_note::{self, Need, Refresh};
use super::{Expression, Facts, GATE, Grantee, Kind, READING_ROW, Source, Spec, Step};
use crate::sql::{Ident, QualifiedName};

/// Something that was found about one table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Finding {
    /// Rows whose organization is NULL.
    NullRows {
        /// How many.
        rows: i64,
    },
    /// Rows could not be counted.
    Uncounted,
    /// A role that has privileges and passes no permissive policy.
    Dark {
        /// The role.
        role: Grantee,
        /// Its commands.
        commands: Vec<String>,
    },
    /// A privilege that reaches past row security.
    Privilege {
        /// TRIGGER, REFERENCES or TRUNCATE.
        privilege: String,
        /// Who has it.
        role: Grantee,
        /// The column, if it was granted on one.
        column: Option<Ident>,
    },
    /// A view that reads as an owner whom no policy binds.
    View {
        /// Its schema.
        schema: Ident,
        /// Its name.
        name: Ident,
        /// Its owner.
        owner: Ident,
        /// The table's owner, where the fence binds it.
        heir: Option<Ident>,
        /// What those who may ask it would need, if it read as whoever asks.
        needs: Vec<Need>,
    },
    /// A view that shows what a materialized view holds.
    ViewOfCopies {
        /// Its schema.
        schema: Ident,
        /// Its name.
        name: Ident,
        /// Who but its owner may read it.
        readers: Vec<Grantee>,
    },
    /// A materialized view that holds copies, whoever owns it.
    MaterializedView {
        /// Its schema.
        schema: Ident,
        /// Its name.
        name: Ident,
        /// Its owner.
        owner: Ident,
        /// Whose rows a REFRESH sees.
        refresh: Refresh,
        /// Who else may read it.
        readers: Vec<Grantee>,
    },
    /// A rule that reaches the table as an owner whom no policy binds.
    Rule {
        /// The rule's name.
        rule: Ident,
        /// The schema of the relation on which it stands.
        schema: Ident,
        /// That relation's name.
        name: Ident,
        /// That relation's owner.
        owner: Ident,
    },
    /// A SECURITY DEFINER function of an owner whom no policy binds.
    Function {
        /// Its schema.
        schema: Ident,
        /// Its name.
        name: Ident,
        /// Its arguments, quoted and qualified by the server.
        arguments: String,
        /// Its owner.
        owner: Ident,
        /// Whether it is a procedure.
        procedure: bool,
    },
    /// A publication that sends the table's rows.
    Publication {
        /// Its name.
        name: Ident,
        /// `table`, `schema` or `all`.
        scope: String,
    },
}

/// Findings as rows, with the statement that mends each.
pub fn notes(spec: &Spec, facts: &Facts, findings: &[Finding]) -> Vec<Step> {
    let gate = gate_for_all(spec, facts, findings);
    let mut notes: Vec<Step> = findings
        .iter()
        .flat_map(|f| [Some(note(spec, facts, &gate, f)), view_note::as_heir(f)])
        .flatten()
        .collect();
    notes.extend(facts.open_children.iter().map(|(schema, name)| {
        let child = QualifiedName { schema: schema.clone(), name: name.clone() };
        let reason =
            format!("{child} inherits from the table and has no fence: its rows are open by its own name");
        Step::note(Kind::Inheritance, Some(protect_call(&child, &spec.org, "")), reason)
    }));
    notes
}

fn protect_call(table: &QualifiedName, org: &Source, more: &str) -> String {
    let table = table.to_string();
    let table = Text(&table);
    match org {
        Source::Column(column) => {
            format!("SELECT * FROM org_scope.protect({table}, {}{more})", Text(column.raw()))
        }
        Source::Expression(Expression { printed, family }) => {
            let (printed, family) = (Text(printed), Text(family.sql_name()));
            format!("SELECT * FROM org_scope.protect_expression({table}, {printed}, {family}{more})")
        }
        Source::Parent(reading) => {
            let key = Text(&reading.key);
            let (parent, column) = match reading.parent() {
                Some((parent, column)) => (Text(parent).to_string(), Text(column.raw()).to_string()),
                None => ("'...'".into(), "'...'".into()),
            };
            format!(
                "SELECT * FROM org_scope.protect_through({table}, {key}, {parent}, {column}, reading => true{more})"
            )
        }
    }
}

/// A count of rows as a row.
pub fn counted(spec: &Spec, facts: &Facts, finding: &Finding) -> Step {
    note(spec, facts, &[], finding)
}

/// The roles that a gate must be for so that nobody's access goes dark: the option replaces the
/// gate's roles, so the ones that it has are among them.
fn gate_for_all(spec: &Spec, facts: &Facts, findings: &[Finding]) -> Vec<Grantee> {
    let standing = facts.policy(GATE).map(|gate| gate.roles.as_slice()).unwrap_or_default();
    let dark = findings.iter().filter_map(|f| match f {
        Finding::Dark { role, .. } => Some(role),
        _ => None,
    });
    let all: BTreeSet<&Grantee> = spec.roles.as_deref().unwrap_or(standing).iter().chain(dark).collect();
    if all.contains(&Grantee::PUBLIC) { vec![Grantee::PUBLIC] } else { all.into_iter().cloned().collect() }
}

fn note(spec: &Spec, facts: &Facts, gate: &[Grantee], finding: &Finding) -> Step {
    let table = &facts.table();
    match finding {
        Finding::NullRows { rows } => {
            let (count, verb) =
                if *rows == 1 { ("1 row", "has") } else { (&*format!("{rows} rows"), "have") };
            let (statement, fate) = match &spec.org {
                _ if spec.shared_rows.unwrap_or_else(|| facts.standing_shared()) => {
                    (None, "every organization can read them, and none can change them")
                }
                Source::Column(_) if facts.fallback.is_some() => {
                    let backfill = format!("CALL org_scope.backfill({})", Text(&table.to_string()));
                    let reason = format!(
                        "{count} {verb} no organization yet: those that are explained are their organization's"
                    );
                    return Step::note(Kind::NullRows, Some(backfill), reason);
                }
                Source::Column(column) => {
                    let update = format!("UPDATE {table} SET {column} = ... WHERE {column} IS NULL");
                    (Some(update), "no session will see them")
                }
                Source::Expression(Expression { printed, .. }) => {
                    let update = format!("UPDATE {table} SET ... WHERE ({printed}) IS NULL");
                    (Some(update), "no session will see them")
                }
                Source::Parent(reading) => {
                    let update = reading
                        .orphans()
                        .map(|orphans| format!("UPDATE {table} AS {READING_ROW} SET ... WHERE {orphans}"));
                    (update, "their parent isn't there, so no session will see them")
                }
            };
            let statement =
                statement.map(|update| format!("SELECT org_scope.across_orgs({})", Text(&update)));
            Step::note(Kind::NullRows, statement, format!("{count} {verb} no organization: {fate}"))
        }
        Finding::Uncounted => Step::note(
            Kind::NullRows,
            None,
            match spec.org {
                Source::Parent(_) => {
                    "rows without a parent couldn't be counted: the table's owner hasn't the rights of the parents' owners"
                }
                _ => {
                    "rows without an organization couldn't be counted: the table's owner may not read the org column"
                }
            },
        ),
        Finding::Dark { role, commands } => {
            let names: Vec<&str> = gate.iter().map(Grantee::raw).collect();
            let mut options = format!(", roles => {}", Text(&array(&names)));
            let off = [
                ("force", spec.force),
                ("create_index", spec.create_index),
                // Of a table without an org column it can't be said.
                ("set_default", spec.set_default || spec.org.asks_parent()),
            ];
            for (option, _) in off.into_iter().filter(|(_, on)| !on) {
                options.push_str(&format!(", {option} => false"));
            }
            let reason = format!(
                "{role} has {} on the table, but no permissive policy is for it: it can do none of that",
                commands.join(", ")
            );
            // A gate for a partition alone would show more by its name than its parent shows.
            let statement = (!facts.is_partition).then(|| protect_call(table, &spec.org, &options));
            Step::note(Kind::DarkRole, statement, reason)
        }
        Finding::Privilege { privilege, role, column } => {
            let on = column.as_ref().map(|c| format!(" ({c})")).unwrap_or_default();
            let statement = format!("REVOKE {privilege}{on} ON TABLE {table} FROM {role} CASCADE");
            let reason = match privilege.as_str() {
                "TRIGGER" => {
                    format!("{role} can attach a trigger, which runs with every organization's rows")
                }
                "REFERENCES" => {
                    format!("{role} can find out by a foreign key which keys other organizations have")
                }
                _ => format!("{role} can ask for TRUNCATE, which passes no policy; only the guard stops it"),
            };
            Step::note(Kind::Privilege, Some(statement), reason)
        }
        Finding::View { schema, name, owner, needs, .. } => {
            view_note::as_invoker(&QualifiedName { schema: schema.clone(), name: name.clone() }, owner, needs)
        }
        Finding::ViewOfCopies { schema, name, readers } => {
            view_note::of_copies(&QualifiedName { schema: schema.clone(), name: name.clone() }, readers)
        }
        Finding::MaterializedView { schema, name, owner, refresh, readers } => {
            let view = QualifiedName { schema: schema.clone(), name: name.clone() };
            view_note::materialized(&view, owner, *refresh, readers)
        }
        Finding::Rule { rule, schema, name, owner } => {
            let relation = QualifiedName { schema: schema.clone(), name: name.clone() };
            let statement = format!("DROP RULE {rule} ON {relation}");
            let reason = format!(
                "rule {rule} on {relation} reaches the table as {owner}, whom no policy binds: whoever may write \
                 to {relation} sets it off over all organizations"
            );
            Step::note(Kind::Rule, Some(statement), reason)
        }
        Finding::Function { schema, name, arguments, owner, procedure } => {
            let function = QualifiedName { schema: schema.clone(), name: name.clone() };
            let what = if *procedure { "PROCEDURE" } else { "FUNCTION" };
            let statement = format!("ALTER {what} {function}({arguments}) SECURITY INVOKER");
            let reason = format!(
                "SECURITY DEFINER function {function} names the table and runs as {owner}, whom no policy binds"
            );
            Step::note(Kind::Function, Some(statement), reason)
        }
        Finding::Publication { name, scope } => {
            let statement = match scope.as_str() {
                "table" => Some(format!("ALTER PUBLICATION {name} DROP TABLE {table}")),
                "schema" => Some(format!("ALTER PUBLICATION {name} DROP TABLES IN SCHEMA {}", table.schema)),
                _ => None,
            };
            let reason = format!("publication {name} sends all organizations' rows to its subscribers");
            Step::note(Kind::Publication, statement, reason)
        }
    }
}

/// An array literal's content.
pub(crate) fn array(items: &[&str]) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|i| {
            let plain =
                i.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !i.eq_ignore_ascii_case("null");
            if plain {
                (*i).to_owned()
            } else {
                format!("\"{}\"", i.replace('\\', "\\\\").replace('"', "\\\""))
            }
        })
        .collect();
    format!("{{{}}}", items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn array_elements_are_quoted_where_they_must() {
        assert_eq!(array(&["app", "a b", "q\"\\", "NULL"]), r#"{app,"a b","q\"\\","NULL"}"#);
    }
}
