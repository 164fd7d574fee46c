//! What a session acts for: which of the things that were set count, given who is logged in.

use serde::{Deserialize, Serialize};

use crate::access::{Access, How};
use crate::org::OrgValue;

/// Where the organization of a context came from; travels with it in one setting, so that both begin and
/// end together, parallel workers have both, and every reading can ask whether the login role may still
/// have it.
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
    /// The lookup that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<String>,
    /// The user that was proven together with the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When it ends, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// Stands between origin and organization. JSON has no control characters, and clients can't write it.
pub const SEPARATOR: char = '\u{1}';

impl Origin {
    /// What was said by a role that may say it.
    pub fn said(how: How, local: bool) -> Self {
        Self { how, local, project_org: None, lookup: None, user: None, expires: None }
    }

    /// Whether it is no more than how, and whether for the transaction.
    fn is_plain(&self) -> bool {
        self.project_org.is_none() && self.lookup.is_none() && self.user.is_none() && self.expires.is_none()
    }

    /// The text that the setting holds for an organization, which may be empty.
    pub fn store(&self, org: &str) -> String {
        let mut text = String::with_capacity(64 + org.len());
        if !self.is_plain() {
            text.push_str(&serde_json::to_string(self).unwrap_or_default());
        } else {
            // What nearly every setter writes, without the serializer.
            for part in
                [r#"{"how":""#, self.how.word(), if self.local { r#"","local":true}"# } else { r#""}"# }]
            {
                text.push_str(part);
            }
        }
        text.push(SEPARATOR);
        text.push_str(org);
        text
    }

    /// Reads the first part of the setting back; what doesn't parse counts as absent, which closes.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The parts of the setting: the origin, empty where a client wrote it, and the organization.
pub fn split(setting: &str) -> (&str, &str) {
    // By bytes, which is faster: the separator is one.
    match setting.bytes().position(|byte| byte == SEPARATOR as u8) {
        Some(at) => (&setting[..at], &setting[at + 1..]),
        None => ("", setting),
    }
}

/// The raw settings of a session, as they stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// The organization; empty is unset, as with the others.
    pub org: &'a str,
    /// `org_scope.current_user`
    pub user: &'a str,
    /// `org_scope.current_project`
    pub project: &'a str,
    /// Where the organization came from.
    pub origin: Option<&'a Origin>,
    /// Seconds since 1970.
    pub now: i64,
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
    /// Whether there would be an organization, had it not come to its end.
    pub expired: bool,
}

impl Context {
    /// Joins what was set with what the login role may have: a bound organization wins over
    /// everything, and a value whose origin the role no longer has is unset.
    pub fn effective(settings: Settings<'_>, login: Login<'_>) -> Self {
        let origin = settings.origin;
        // What a session-wide setting still holds was set before the role became pooled.
        let stale = login.access.is_some_and(|a| a.pooled) && !origin.is_some_and(|o| o.local);
        let permitted = permitted(origin, login);
        let expired = origin.and_then(|o| o.expires).is_some_and(|end| end <= settings.now);
        let bound = login.access.and_then(|a| a.bound_org.as_deref());
        let org = match bound {
            Some(bound) => OrgValue::parse(bound),
            None if permitted && !expired => OrgValue::parse(settings.org),
            None => None,
        };
        let may_name_user = login.superuser || login.access.is_some_and(|a| a.how.is_some_and(How::is_free));
        let named = Some(settings.user).filter(|u| may_name_user && !u.is_empty());
        // Proven together with its organization, it is nobody in the one that a binding puts in its place.
        let of_org = bound.is_none_or(|bound| bound == settings.org);
        let proven = origin.and_then(|o| o.user.as_deref()).filter(|_| permitted && of_org);
        let user = proven.or(named).filter(|_| !stale && !expired).map(Box::from);
        let project_org = origin.and_then(|o| o.project_org.as_deref());
        let project = match &org {
            Some(org) if !stale && project_org == Some(org.text()) => OrgValue::parse(settings.project),
            _ => None,
        };
        Self { org, user, project, expired: expired && permitted && bound.is_none() }
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
            let looked_up = match (&o.lookup, login.access) {
                (Some(lookup), Some(access)) => login.superuser || access.may_look_up(lookup),
                _ => true,
            };
            (login.superuser || how.is_some_and(|h| h.includes(o.how))) && looked_up && (o.local || !pooled)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(how: Option<How>) -> Access {
        Access { how, lookups: Vec::new(), bound_org: None, pooled: false }
    }

    fn org(settings: Settings<'_>, access: Option<&Access>) -> Option<String> {
        Context::effective(settings, Login { access, superuser: false }).org.map(|o| o.text().to_owned())
    }

    const SAID: Origin =
        Origin { how: How::Direct, local: false, project_org: None, lookup: None, user: None, expires: None };
    const DIRECT: Option<&Origin> = Some(&SAID);

    #[test]
    fn an_origin_survives_its_setting_and_nonsense_is_none() {
        let origin = Origin { local: true, project_org: Some("a\u{1}b".into()), ..SAID };
        for org in ["", "a", "a\u{1}b"] {
            let setting = origin.store(org);
            let (stored, found) = split(&setting);
            assert_eq!((Origin::decode(stored), found), (Some(origin.clone()), org));
        }
        assert_eq!(split("plain"), ("", "plain"));
        for how in [How::Direct, How::Parameter, How::Lookup, How::Token] {
            for local in [true, false] {
                let origin = Origin::said(how, local);
                let setting = origin.store("a");
                assert_eq!(split(&setting).0, serde_json::to_string(&origin).expect("JSON"));
            }
        }
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
        let stale = Settings { org: "a", user: "u", project: "p", origin: DIRECT, now: 0 };
        let login = Login { access: Some(&pooled), superuser: false };
        assert_eq!(Context::effective(stale, login), Context::default());
        let local = Origin::said(How::Direct, true);
        assert_eq!(
            org(Settings { org: "a", origin: Some(&local), ..Settings::default() }, Some(&pooled)),
            Some("a".into())
        );
    }

    #[test]
    fn a_project_belongs_to_the_org_it_was_set_for() {
        let origin = Origin { project_org: Some("a".into()), ..SAID };
        let direct = access(Some(How::Direct));
        let login = Login { access: Some(&direct), superuser: false };
        let mut set = Settings { org: "a", project: "p", origin: Some(&origin), user: "u", now: 0 };
        let context = Context::effective(set, login);
        assert_eq!(context.project.map(|p| p.text().to_owned()), Some("p".into()));
        assert_eq!(context.user.as_deref(), Some("u"));
        set.org = "b";
        assert_eq!(Context::effective(set, login).project, None);
    }

    #[test]
    fn what_a_token_proved_ends_with_it() {
        let origin = Origin { how: How::Token, user: Some("u".into()), expires: Some(100), ..SAID };
        let token = access(Some(How::Token));
        let login = Login { access: Some(&token), superuser: false };
        let mut set =
            Settings { org: "a", user: "admin", origin: Some(&origin), now: 99, ..Settings::default() };
        let context = Context::effective(set, login);
        assert_eq!(
            (context.user.as_deref(), context.expired),
            (Some("u"), false),
            "a name said doesn't count"
        );
        assert!(context.org.is_some());
        set.now = 100;
        assert_eq!(Context::effective(set, login), Context { expired: true, ..Context::default() });
        // A role that may say what it is keeps no more of a token than others.
        let direct = access(Some(How::Direct));
        let login = Login { access: Some(&direct), superuser: false };
        assert_eq!(Context::effective(set, login), Context { expired: true, ..Context::default() });
        // Nor does a role that lost the access hear of its end.
        let none = access(None);
        let login = Login { access: Some(&none), superuser: false };
        assert_eq!(Context::effective(set, login), Context::default());
    }

    #[test]
    fn the_answer_of_a_lookup_counts_while_the_role_may_use_it() {
        let origin =
            Origin { how: How::Lookup, lookup: Some("account".into()), user: Some("u".into()), ..SAID };
        let set = Settings { org: "a", user: "admin", origin: Some(&origin), ..Settings::default() };
        let mut role = Access { lookups: vec!["account".into()], ..access(Some(How::Lookup)) };
        let both = |role: &Access| {
            let context = Context::effective(set, Login { access: Some(role), superuser: false });
            (context.org.map(|o| o.text().to_owned()), context.user)
        };
        assert_eq!(both(&role), (Some("a".into()), Some("u".into())));
        // In place of the organization, a binding leaves its user behind.
        role.bound_org = Some("b".into());
        assert_eq!(both(&role), (Some("b".into()), None));
        role.bound_org = Some("a".into());
        assert_eq!(both(&role), (Some("a".into()), Some("u".into())));
        role.bound_org = None;
        role.lookups = vec!["page".into()];
        assert_eq!(both(&role), (None, None));
        role.how = Some(How::Token);
        assert_eq!(both(&role), (None, None));
    }
}
