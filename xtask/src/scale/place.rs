//! The databases that are compared: how they are fenced, and how much there is in them.

/// How its tables are fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fence {
    /// By org_scope.
    Scope,
    /// By row security written by hand, with the same policies, trigger, index and default, and a table of who may
    /// set an organization: what it costs more in a bigger database is what PostgreSQL's own catalog costs.
    Hand,
}

/// How much there is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Size {
    /// Few tables, few organizations.
    Small,
    /// A tenth of the tables of the wide one, for what is told by the table.
    Middle,
    /// All the tables.
    Wide,
    /// Few tables, all the organizations.
    Crowded,
}

/// One database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) fence: Fence,
    pub(super) size: Size,
}

/// How much "all" is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) tables: usize,
    pub(super) orgs: usize,
}

/// What is small.
pub(super) const SMALL: Extent = Extent { tables: 10, orgs: 100 };

/// The role that owns the tables.
pub(super) const OWNER: &str = "owner";
/// The role whose sessions are fenced.
pub(super) const APP: &str = "app";

/// The condition of a policy written by hand.
const CONDITION: &str = "org_id = current_setting('app.org')::uuid";

impl Fence {
    pub(super) const BOTH: [Self; 2] = [Self::Scope, Self::Hand];

    /// What stands before the fences: what makes a role's context count, or a trigger's function.
    pub(super) fn ground(self) -> &'static str {
        match self {
            Self::Scope => "CREATE EXTENSION org_scope; SELECT org_scope.allow('app', 'direct')",
            Self::Hand => {
                "CREATE FUNCTION public.no_truncate() RETURNS trigger LANGUAGE plpgsql AS \
                 $$BEGIN RAISE 'no TRUNCATE here'; END$$; \
                 CREATE TABLE public.access (login name PRIMARY KEY, may boolean NOT NULL); \
                 INSERT INTO public.access VALUES ('app', true); GRANT SELECT ON public.access TO app"
            }
        }
    }

    /// Sets the organization; both sides take text and whether it is for the transaction only, and both ask a table
    /// whether the session's login may: opening a table for the first time costs more in a bigger catalog.
    pub(super) fn set(self, org: &str, is_local: &str) -> String {
        match self {
            Self::Scope => format!("org_scope.set_current_org({org}, {is_local})"),
            Self::Hand => format!(
                "CASE WHEN (SELECT a.may FROM public.access a WHERE a.login = session_user) \
                 THEN pg_catalog.set_config('app.org', {org}, {is_local}) END"
            ),
        }
    }

    /// Fences one table.
    pub(super) fn protect(self, table: &str) -> String {
        match self {
            Self::Scope => format!("SELECT FROM org_scope.protect('{table}')"),
            Self::Hand => format!(
                "CREATE INDEX {table}_org ON {table} (org_id); \
                 COMMENT ON INDEX {table}_org IS 'finds the rows of an organization'; \
                 CREATE TRIGGER guard BEFORE TRUNCATE ON {table} EXECUTE FUNCTION public.no_truncate(); \
                 ALTER TABLE {table} ENABLE ALWAYS TRIGGER guard; \
                 COMMENT ON TRIGGER guard ON {table} IS 'stops TRUNCATE, which no policy sees'; \
                 ALTER TABLE {table} ALTER org_id SET DEFAULT current_setting('app.org')::uuid; \
                 {policies}; \
                 COMMENT ON POLICY gate ON {table} IS 'lets the rows of the current organization pass'; \
                 COMMENT ON POLICY fence ON {table} IS 'only the rows of the current organization pass'; \
                 ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; \
                 ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
                policies = policies(table),
            ),
        }
    }

    /// Takes the fence away.
    pub(super) fn unprotect(self, table: &str) -> String {
        match self {
            Self::Scope => format!("SELECT FROM org_scope.unprotect('{table}')"),
            Self::Hand => format!(
                "DROP POLICY fence ON {table}; DROP POLICY gate ON {table}; DROP TRIGGER guard ON {table}; \
                 ALTER TABLE {table} ALTER org_id DROP DEFAULT; \
                 ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; \
                 ALTER TABLE {table} DISABLE ROW LEVEL SECURITY; DROP INDEX {table}_org"
            ),
        }
    }

    /// Shows what there is to do for one table, or by hand what the catalogs say about it.
    pub(super) fn plan(self, table: &str) -> String {
        match self {
            Self::Scope => format!("SELECT count(*) FROM org_scope.plan('{table}')"),
            Self::Hand => format!(
                "SELECT (SELECT json_agg(p) FROM pg_policy p WHERE p.polrelid = c.oid), \
                        (SELECT json_agg(t) FROM pg_trigger t WHERE t.tgrelid = c.oid), \
                        (SELECT json_agg(i) FROM pg_index i WHERE i.indrelid = c.oid), \
                        (SELECT json_agg(a) FROM pg_attribute a WHERE a.attrelid = c.oid), \
                        (SELECT json_agg(d) FROM pg_depend d WHERE d.refclassid = 1259 AND d.refobjid = c.oid) \
                 FROM pg_class c WHERE c.oid = '{table}'::regclass"
            ),
        }
    }

    /// Runs an ALTER TABLE that a policy stands in the way of.
    pub(super) fn alter(self, table: &str, change: &str) -> String {
        match self {
            Self::Scope => {
                format!("SELECT FROM org_scope.alter_protected('{table}', 'ALTER TABLE {table} {change}')")
            }
            Self::Hand => format!(
                "DROP POLICY fence ON {table}; DROP POLICY gate ON {table}; \
                 ALTER TABLE {table} ALTER org_id DROP DEFAULT; ALTER TABLE {table} {change}; \
                 ALTER TABLE {table} ALTER org_id SET DEFAULT current_setting('app.org')::uuid; {policies}",
                policies = policies(table),
            ),
        }
    }

    /// Shows every fenced table.
    pub(super) fn list(self) -> &'static str {
        match self {
            Self::Scope => "SELECT count(drift) FROM org_scope.protected_tables",
            Self::Hand => "SELECT count(qual) FROM pg_policies",
        }
    }
}

fn policies(table: &str) -> String {
    format!(
        "CREATE POLICY fence ON {table} AS RESTRICTIVE USING ({CONDITION}) WITH CHECK ({CONDITION}); \
         CREATE POLICY gate ON {table} USING ({CONDITION}) WITH CHECK ({CONDITION})"
    )
}

impl Place {
    /// All of them.
    pub(super) fn all() -> Vec<Self> {
        let sizes = [Size::Small, Size::Middle, Size::Wide, Size::Crowded];
        sizes.iter().flat_map(|&size| Fence::BOTH.map(|fence| Self { fence, size })).collect()
    }

    /// The database's name.
    pub(super) fn database(self) -> String {
        format!("{:?}_{:?}", self.fence, self.size).to_lowercase()
    }

    /// How much there is in it.
    pub(super) fn extent(self, all: Extent) -> Extent {
        match self.size {
            Size::Small => SMALL,
            Size::Middle => Extent { tables: all.tables / 10, ..SMALL },
            Size::Wide => Extent { tables: all.tables, ..SMALL },
            Size::Crowded => Extent { orgs: all.orgs, ..SMALL },
        }
    }
}

/// The id of an organization, as an expression over its number.
pub(super) fn org(number: &str) -> String {
    format!("md5({number}::text)::uuid")
}
