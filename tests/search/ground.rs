//! A fenced table with an index for each kind of search, and two applications: one that may use them.

use crate::harness::{Db, Role, Server, Session, fence};

/// The setting.
pub(super) const SETTING: &str = "org_scope.index_search_operators";

/// `docs` of the organizations `a`, `b` and `c`, without an index on the organization.
pub(super) struct Ground {
    pub(super) db: Db,
    pub(super) owner: Role,
    /// A login for which the setting is on.
    pub(super) searcher: Role,
    /// The same with the setting as it is by default.
    pub(super) other: Role,
}

const TABLE: &str = "
    CREATE TABLE docs (id int PRIMARY KEY, org_id text NOT NULL, body text, title varchar(80), words tsvector,
                       doc jsonb, tags text[], places int[]);
    INSERT INTO docs
        SELECT g, chr(97 + g % 3), 'body ' || md5(g::text) || CASE WHEN g % 50 = 0 THEN ' rare' ELSE '' END,
               'title ' || md5((g * 7)::text), to_tsvector('simple', 'w' || g % 40 || ' v' || g % 7),
               jsonb_build_object('k', g % 40, 'has' || g % 40, true), ARRAY['t' || g % 40, 'u' || g % 7],
               ARRAY[g % 40, 1000 + g % 7]
        FROM generate_series(1, 1500) g;
    CREATE INDEX docs_body ON docs USING gin (body gin_trgm_ops);
    CREATE INDEX docs_title ON docs USING gin (title gin_trgm_ops);
    CREATE INDEX docs_words ON docs USING gin (words);
    CREATE INDEX docs_doc ON docs USING gin (doc);
    CREATE INDEX docs_tags ON docs USING gin (tags);
    CREATE INDEX docs_places ON docs USING gin (places);
    ANALYZE docs";

/// A search of each kind that is vetted, and the index that it goes to.
pub(super) const SEARCHES: [(&str, &str); 16] = [
    ("body LIKE '%rare%'", "docs_body"),
    ("body ILIKE '%RARE%'", "docs_body"),
    ("body ~~ '%rare%'", "docs_body"),
    ("title LIKE '%abc%'", "docs_title"),
    ("body % 'rare'", "docs_body"),
    ("words @@ 'w3'::tsquery", "docs_words"),
    ("words @@ to_tsquery('simple', 'w3 & v3')", "docs_words"),
    ("doc @> '{\"k\": 3}'", "docs_doc"),
    ("doc ? 'has3'", "docs_doc"),
    ("doc ?| '{has3,has4}'", "docs_doc"),
    ("doc ?& '{has3,k}'", "docs_doc"),
    ("tags @> '{t3}'", "docs_tags"),
    ("tags && '{t3,t4}'", "docs_tags"),
    ("tags <@ '{t3,u3}'", "docs_tags"),
    ("places @> '{3}'", "docs_places"),
    ("places && ARRAY[3, 4]", "docs_places"),
];

impl Ground {
    pub(super) fn new(test: &str) -> Self {
        Self::at(test, Server::Plain)
    }

    pub(super) fn at(test: &str, server: Server) -> Self {
        let db = Db::new(test, server);
        let [owner, searcher, other] = ["owner", "searcher", "other"].map(|name| db.role(name));
        db.superuser().run(&format!(
            "CREATE EXTENSION pg_trgm;
             GRANT CREATE ON SCHEMA public TO {owner}, {searcher}, {other};
             GRANT CREATE ON DATABASE {} TO {searcher}, {other};
             SELECT org_scope.allow('{searcher}', 'direct'); SELECT org_scope.allow('{other}', 'direct');
             ALTER ROLE {searcher} SET {SETTING} = on",
            db.name()
        ));
        let ground = Self { db, owner, searcher, other };
        let mut session = ground.owner();
        session.run(TABLE);
        session.run(&format!("GRANT ALL ON docs TO {}, {}", ground.searcher, ground.other));
        session.run("SELECT org_scope.protect('docs', create_index => false)");
        ground
    }

    pub(super) fn owner(&self) -> Session {
        self.db.connect(&self.owner)
    }

    /// A session of the organization that prefers any index to reading the whole table.
    pub(super) fn session(&self, role: &Role, org: &str) -> Session {
        let mut session = self.db.connect(role);
        session.act_for(org);
        session.run("SET enable_seqscan = off");
        session
    }

    /// One that may search by index.
    pub(super) fn searcher(&self, org: &str) -> Session {
        self.session(&self.searcher, org)
    }

    /// One that may not.
    pub(super) fn other(&self, org: &str) -> Session {
        self.session(&self.other, org)
    }

    /// What the superuser finds, who says the organization himself.
    pub(super) fn truth(&self, table: &str, org: &str, condition: &str) -> String {
        self.db.superuser().text(&format!(
            "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM {table}
             WHERE org_id = '{org}' AND ({condition})"
        ))
    }

    /// A further table, which the applications may read and write.
    pub(super) fn table(&self, sql: &str, name: &str) {
        let mut owner = self.owner();
        owner.run(sql);
        owner.run(&format!("GRANT ALL ON {name} TO {}, {}", self.searcher, self.other));
        fence(&mut owner, name, "org_id");
    }
}

/// The ids that a condition finds.
#[track_caller]
pub(super) fn found(session: &mut Session, table: &str, condition: &str) -> String {
    session.text(&format!(
        "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM {table} WHERE {condition}"
    ))
}
