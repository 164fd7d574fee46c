//! The attempts that the demo makes; `tests/` makes many more.

use super::attack::{Attack, Holds, Who};
use super::systems::{ACME, ACME_VOICE as OWN, GLOBEX_CALLS as OTHER};

/// PostgreSQL's own insufficient_privilege, which row security raises too.
const PRIVILEGE: &str = "42501";
const NO_ORG: &str = "OS001";
const NOT_ALLOWED: &str = "OS002";
const FIXED: &str = "OS003";
const WRONG_VALUE: &str = "OS004";

/// All of them, the everyday ones first.
pub(super) fn all() -> Vec<Attack> {
    [forgotten(), writing(), forging(), switching()].into_iter().flatten().collect()
}

fn own(title: &'static str, sql: String, holds: Holds) -> Attack {
    Attack { title, who: Who::Web(OWN), before: Vec::new(), sql, holds }
}

fn forgotten() -> Vec<Attack> {
    let other = OTHER.id;
    vec![
        own(
            "A forgotten WHERE",
            "SELECT clerk_org_id, count(*) FROM voice.calls GROUP BY 1".into(),
            Holds::Only(OWN),
        ),
        own(
            "The other organization, by its name",
            format!("SELECT * FROM voice.contacts WHERE clerk_org_id = '{other}'"),
            Holds::Nothing,
        ),
        own(
            "An injected OR",
            "SELECT DISTINCT clerk_org_id FROM voice.agents WHERE name = '' OR 1 = 1".into(),
            Holds::Only(OWN),
        ),
        Attack {
            who: Who::WebForNobody,
            ..own(
                "A session that says nothing, reading",
                "SELECT count(*) FROM voice.calls".into(),
                Holds::Refused(&[NO_ORG]),
            )
        },
        Attack {
            who: Who::WebForNobody,
            ..own(
                "A session that says nothing, writing",
                "UPDATE voice.agents SET name = 'x'".into(),
                Holds::Refused(&[NO_ORG]),
            )
        },
        Attack {
            who: Who::Owner,
            ..own(
                "A data migration that forgets there are organizations",
                "UPDATE voice.campaigns SET status = 'done'".into(),
                Holds::Refused(&[NO_ORG]),
            )
        },
    ]
}

fn writing() -> Vec<Attack> {
    let other = OTHER.id;
    vec![
        own(
            "Writing a row into the other organization",
            format!("INSERT INTO voice.agents (clerk_org_id, name)\nVALUES ('{other}', 'spy')"),
            Holds::Refused(&[PRIVILEGE]),
        ),
        own(
            "Moving own rows over",
            format!("UPDATE voice.agents SET clerk_org_id = '{other}'"),
            Holds::Refused(&[PRIVILEGE]),
        ),
        own(
            "Deleting the other's rows",
            format!("DELETE FROM voice.campaigns WHERE clerk_org_id = '{other}'"),
            Holds::Nothing,
        ),
        own(
            "Overwriting the other's row by upsert",
            format!(
                "INSERT INTO voice.agents (id, clerk_org_id, name)\n\
                 VALUES (md5('agents 6')::uuid, '{}', 'mine')\nON CONFLICT (id) DO UPDATE SET name = 'mine'",
                OWN.id
            ),
            Holds::Refused(&[PRIVILEGE]),
        ),
        own(
            "TRUNCATE, which passes no policy",
            "TRUNCATE voice.tools".into(),
            Holds::Refused(&[NOT_ALLOWED, PRIVILEGE]),
        ),
        own(
            "Asking for row security to be off",
            "SET row_security = off;\nSELECT count(*) FROM voice.calls".into(),
            Holds::Refused(&[PRIVILEGE]),
        ),
    ]
}

fn forging() -> Vec<Attack> {
    let other = OTHER.id;
    let forge = |title, sql: String| own(title, sql, Holds::Refused(&[NOT_ALLOWED, PRIVILEGE]));
    vec![
        forge(
            "Forging the organization with set_config",
            format!("SELECT set_config('org_scope.current_org', '{other}', false)"),
        ),
        forge("… with SET", format!("SET org_scope.current_org = '{other}'")),
        forge("… with SET LOCAL", format!("BEGIN;\nSET LOCAL org_scope.current_org = '{other}'")),
        own(
            "… with RESET, hoping for a default",
            "RESET org_scope.current_org;\nSELECT count(*) FROM voice.calls".into(),
            Holds::Refused(&[NO_ORG, NOT_ALLOWED, PRIVILEGE]),
        ),
        Attack {
            who: Who::WebWithOptions("-c org_scope.current_org=org_2hGq9TfW4sLxVbN6kYcZr8AeDpJ"),
            ..own(
                "… with the connection's options",
                "SELECT count(*) FROM voice.calls".into(),
                Holds::Refused(&[NO_ORG, NOT_ALLOWED, PRIVILEGE]),
            )
        },
        Attack {
            who: Who::Partner,
            ..own(
                "A bound login that wants to be another organization",
                format!("SELECT org_scope.set_current_org('{}')", OWN.id),
                Holds::Refused(&[FIXED, NOT_ALLOWED]),
            )
        },
        Attack {
            who: Who::Partner,
            ..own(
                "… and what it sees in any case",
                "SELECT clerk_org_id, count(*) FROM voice.calls GROUP BY 1".into(),
                Holds::Only(OTHER),
            )
        },
        own(
            "Giving itself access",
            "SELECT org_scope.allow('partner', 'direct')".into(),
            Holds::Refused(&[PRIVILEGE]),
        ),
    ]
}

fn switching() -> Vec<Attack> {
    vec![
        Attack {
            before: vec![
                "PREPARE q AS SELECT clerk_org_id, count(*) FROM voice.calls GROUP BY 1".into(),
                "SET plan_cache_mode = force_generic_plan".into(),
                "EXECUTE q".into(),
            ],
            ..own(
                "A prepared statement, executed after a switch",
                format!("SELECT org_scope.set_current_org('{}');\nEXECUTE q", OTHER.id),
                Holds::Only(OTHER),
            )
        },
        own(
            "A switch that is rolled back",
            format!(
                "BEGIN;\nSELECT org_scope.set_current_org('{}');\nROLLBACK;\n\
                 SELECT DISTINCT clerk_org_id FROM voice.calls",
                OTHER.id
            ),
            Holds::Only(OWN),
        ),
        own(
            "An empty organization, hoping to see all",
            "SELECT org_scope.set_current_org('')".into(),
            Holds::Refused(&[WRONG_VALUE]),
        ),
        Attack {
            who: Who::Web(OWN),
            ..own(
                "An organization of the wrong type",
                "SELECT count(*) FROM workflow.executions".into(),
                Holds::Refused(&[WRONG_VALUE]),
            )
        },
        Attack {
            who: Who::Web(ACME),
            ..own(
                "The right one in the wrong application",
                "SELECT count(*), min(clerk_org_id) FROM voice.calls\nHAVING count(*) > 0".into(),
                Holds::Nothing,
            )
        },
    ]
}
