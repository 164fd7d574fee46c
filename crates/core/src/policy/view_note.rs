//! Views through which a table can be read past its fence, and the ways to mend each.

use serde::Deserialize;

use super::action::List;
use super::{Finding, Grantee, Kind, Step};
use crate::sql::{Ident, QualifiedName};

/// A privilege that a view's readers lack on something that it reads.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Need {
    /// The schema of what it reads.
    schema: Ident,
    /// Its name.
    name: Ident,
    /// SELECT, and what else the view lets its readers do to it.
    privilege: String,
    /// Who lacks it.
    roles: Vec<Grantee>,
}

/// Whose rows a REFRESH of a materialized view sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// Every organization's.
    All,
    /// Those of the organization that is set then.
    Own,
    /// Whatever the views between it and the table show.
    Through,
}

/// The mend by which the view asks with its readers' rights.
pub(super) fn as_invoker(view: &QualifiedName, owner: &Ident, needs: &[Need]) -> Step {
    let grants = needs.iter().map(|need| {
        let Need { schema, name, privilege, roles } = need;
        let source = QualifiedName { schema: schema.clone(), name: name.clone() };
        format!("; GRANT {privilege} ON TABLE {source} TO {}", List(roles))
    });
    let statement = format!("ALTER VIEW {view} SET (security_invoker = true){}", grants.collect::<String>());
    let with = if needs.is_empty() { "" } else { "; read as whoever asks, it needs these grants" };
    let reason = format!(
        "view {view} reads the table as {owner}, whom no policy binds: it shows all organizations{with}"
    );
    Step::note(Kind::View, Some(statement), reason)
}

/// The other mend, where there is one: the view asks as an owner whom the fence binds.
pub(super) fn as_heir(finding: &Finding) -> Option<Step> {
    let Finding::View { schema, name, heir: Some(heir), .. } = finding else { return None };
    let view = QualifiedName { schema: schema.clone(), name: name.clone() };
    let reason = format!(
        "or view {view} belongs to {heir}, whom the fence binds, and its readers need no more rights than now; \
         {heir} needs those to whatever else it reads"
    );
    Some(Step::note(Kind::View, Some(format!("ALTER VIEW {view} OWNER TO {heir}")), reason))
}

/// Copies of rows, which nothing fences.
pub(super) fn materialized(
    view: &QualifiedName,
    owner: &Ident,
    refresh: Refresh,
    readers: &[Grantee],
) -> Step {
    let whose = match refresh {
        Refresh::All => {
            format!("REFRESH reads as {owner}, whom no policy binds: it keeps every organization's rows")
        }
        Refresh::Own => format!(
            "REFRESH reads as {owner}: it keeps the rows of the organization that is set then, and no others, \
             for everybody who may read it"
        ),
        Refresh::Through => "REFRESH keeps what the views that it reads show".to_owned(),
    };
    let reason = format!("materialized view {view} holds copies of rows, which nothing fences; {whose}");
    Step::note(Kind::View, revoke(view, readers), reason)
}

/// A view of such copies.
pub(super) fn of_copies(view: &QualifiedName, readers: &[Grantee]) -> Step {
    let reason = format!("view {view} shows what a materialized view holds, which nothing fences");
    Step::note(Kind::View, revoke(view, readers), reason)
}

fn revoke(view: &QualifiedName, readers: &[Grantee]) -> Option<String> {
    (!readers.is_empty()).then(|| format!("REVOKE ALL ON TABLE {view} FROM {}", List(readers)))
}
