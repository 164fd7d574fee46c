//! What a session acts for: which of the things that were set count, given who is logged in.

use serde::{Deserialize, Serialize};

use crate::access::{Access, How};
use crate::org::OrgValue;

/// Where the organization of a context came from; travels beside it, so that parallel workers have
/// it too and every reading can ask whether the login role may still have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The kind of access through which the setter let it in.
    pub how: How,
    /// Whether it was set for the transaction alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
    /// The organization for which the project was set; another one has no project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_org: Option<String>,
}

impl Origin {
    /// The text that travels in a setting.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads it back; what doesn't parse counts as absent, which closes.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The raw settings of a session, as they stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// `org_scope.current_org`; empty is unset, as with the others.
    pub org: &'a str,
    /// `org_scope.current_user`
    pub user: &'a str,
    /// `org_scope.current_project`
    pub project: &'a str,
    /// `org_scope.context_origin`, decoded.
    pub origin: Option<&'a Origin>,
}

/// Who is logged in (session_user), and what that role may do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Login<'a> {
    /// Its row of the access table.
    pub access: Option<&'a Access>,
    /// Superusers need no row.
    pub superuser: bool,
}

/// What counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The organization.
    pub org: Option<OrgValue>,
    /// Who acts inside it.
    pub user: Option<Box<str>>,
    /// The part of it that the session has narrowed itself to.
    pub project: Option<OrgValue>,
}

impl Context {
    /// Joins what was set with what the login role may have: a bound organization wins over
    /// everything, and a value whose origin the role no longer has is unset.
    pub fn effective(settings: Settings<'_>, login: Login<'_>) -> Self {
        let origin = settings.origin;
        // What a session-wide setting still holds was set before the role became pooled.
        let stale = login.access.is_some_and(|a| a.pooled) && !origin.is_some_and(|o| o.local);
        let org = match login.access.and_then(|a| a.bound_org.as_deref()) {
            Some(bound) => OrgValue::parse(bound),
            None if permitted(origin, login) => OrgValue::parse(settings.org),
            None => None,
        };
        let may_name_user = login.superuser || login.access.is_some_and(|a| a.how.is_some());
        let user = Some(settings.user).filter(|u| may_name_user && !stale && !u.is_empty()).map(Box::from);
        let project_org = origin.and_then(|o| o.project_org.as_deref());
        let project = match &org {
            Some(org) if !stale && project_org == Some(org.text()) => OrgValue::parse(settings.project),
            _ => None,
        };
        Self { org, user, project }
    }
}

/// Whether the login role may have an organization that came this way. Without an origin it came
/// from a plain `SET` or a connection string, which is access `parameter` alone.
fn permitted(origin: Option<&Origin>, login: Login<'_>) -> bool {
    let how = login.access.and_then(|a| a.how);
    match origin {
        None => how == Some(How::Parameter),
        Some(o) => {
            let pooled = login.access.is_some_and(|a| a.pooled);
            (login.superuser || how.is_some_and(|h| h.includes(o.how))) && (o.local || !pooled)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(how: Option<How>) -> Access {
        Access { how, bound_org: None, pooled: false }
    }

    fn org(settings: Settings<'_>, access: Option<&Access>) -> Option<String> {
        Context::effective(settings, Login { access, superuser: false }).org.map(|o| o.text().to_owned())
    }

    const DIRECT: Option<&Origin> = Some(&Origin { how: How::Direct, local: false, project_org: None });

    #[test]
    fn an_origin_survives_its_setting_and_nonsense_is_none() {
        let origin = Origin { how: How::Direct, local: true, project_org: Some("a".into()) };
        assert_eq!(Origin::decode(&origin.encode()), Some(origin));
        assert_eq!(Origin::decode(r#"{"how":"direct"}"#).as_ref(), DIRECT);
        for text in ["", "nonsense", "{}"] {
            assert_eq!(Origin::decode(text), None);
        }
    }

    #[test]
    fn a_value_counts_only_while_the_role_may_have_it() {
        let set = Settings { org: "a", origin: DIRECT, ..Settings::default() };
        assert_eq!(org(set, Some(&access(Some(How::Direct)))), Some("a".into()));
        assert_eq!(org(set, Some(&access(Some(How::Parameter)))), Some("a".into()));
        assert_eq!(org(set, Some(&access(None))), None);
        assert_eq!(org(set, None), None);
    }

    #[test]
    fn a_value_without_origin_needs_parameter_access() {
        let set = Settings { org: "a", ..Settings::default() };
        assert_eq!(org(set, Some(&access(Some(How::Direct)))), None);
        assert_eq!(org(set, Some(&access(Some(How::Parameter)))), Some("a".into()));
        let superuser = Login { access: None, superuser: true };
        let set = Settings { org: "a", ..Settings::default() };
        assert_eq!(Context::effective(set, superuser).org, None);
    }

    #[test]
    fn a_bound_org_wins() {
        let bound = Access { bound_org: Some("b".into()), ..access(Some(How::Direct)) };
        assert_eq!(
            org(Settings { org: "a", origin: DIRECT, ..Settings::default() }, Some(&bound)),
            Some("b".into())
        );
        assert_eq!(org(Settings::default(), Some(&bound)), Some("b".into()));
    }

    #[test]
    fn a_pooled_role_has_no_session_context() {
        let pooled = Access { pooled: true, ..access(Some(How::Direct)) };
        assert_eq!(org(Settings { org: "a", origin: DIRECT, ..Settings::default() }, Some(&pooled)), None);
        let stale = Settings { org: "a", user: "u", project: "p", origin: DIRECT };
        let login = Login { access: Some(&pooled), superuser: false };
        assert_eq!(Context::effective(stale, login), Context::default());
        let local = Origin { how: How::Direct, local: true, project_org: None };
        assert_eq!(
            org(Settings { org: "a", origin: Some(&local), ..Settings::default() }, Some(&pooled)),
            Some("a".into())
        );
    }

    #[test]
    fn a_project_belongs_to_the_org_it_was_set_for() {
        let origin = Origin { how: How::Direct, local: false, project_org: Some("a".into()) };
        let direct = access(Some(How::Direct));
        let login = Login { access: Some(&direct), superuser: false };
        let mut set = Settings { org: "a", project: "p", origin: Some(&origin), user: "u" };
        let context = Context::effective(set, login);
        assert_eq!(context.project.map(|p| p.text().to_owned()), Some("p".into()));
        assert_eq!(context.user.as_deref(), Some("u"));
        set.org = "b";
        assert_eq!(Context::effective(set, login).project, None);
    }
}
