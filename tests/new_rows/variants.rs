//! Tables, policies, triggers and rules under which the statements run.

/// The fence and its gate, as `protect` writes them.
const FENCE: &[&str] = &[
    "CREATE POLICY fence ON notes AS RESTRICTIVE USING (org_id %IS%)",
    "CREATE POLICY gate ON notes USING (org_id %IS%)",
];

/// One way to set up `notes`; `also` runs before the policies come.
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) org_type: &'static str,
    pub(super) policies: &'static [&'static str],
    pub(super) also: &'static str,
}

pub(super) const PLAIN: Variant = Variant { name: "plain", org_type: "uuid", policies: FENCE, also: "" };

pub(super) const VARIANTS: &[Variant] = &[
    PLAIN,
    Variant { name: "a domain over varchar", org_type: "name_of_org", ..PLAIN },
    Variant { name: "text", org_type: "text", ..PLAIN },
    Variant { name: "varchar", org_type: "varchar(40)", ..PLAIN },
    Variant { name: "BEFORE moves", also: "CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move()", ..PLAIN },
    Variant { name: "BEFORE INSERT moves", also: "CREATE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION move()", ..PLAIN },
    Variant { name: "BEFORE takes", also: "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION take()", ..PLAIN },
    Variant { name: "AFTER moves", also: "CREATE TRIGGER t AFTER UPDATE OF body ON notes FOR EACH ROW EXECUTE FUNCTION again()", ..PLAIN },
    Variant { name: "BEFORE STATEMENT moves", also: "CREATE TRIGGER t BEFORE UPDATE ON notes EXECUTE FUNCTION again()", ..PLAIN },
    Variant { name: "a constraint trigger moves", also: "CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON notes INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION again()", ..PLAIN },
    Variant { name: "a rule instead", also: "CREATE RULE r AS ON UPDATE TO plain DO INSTEAD UPDATE notes SET org_id = new.org_id, body = 'rule' WHERE id = old.id;
        CREATE RULE s AS ON UPDATE TO refs DO ALSO UPDATE notes SET body = new.body WHERE id = new.note;
        CREATE RULE u AS ON UPDATE TO notes WHERE new.body = 'w' DO INSTEAD NOTHING", ..PLAIN },
    Variant { name: "a child", also: "CREATE TABLE leaf () INHERITS (notes); INSERT INTO leaf VALUES (6, '%A%', 'a6'), (7, '%B%', 'b7');
        CREATE TRIGGER t BEFORE UPDATE ON leaf FOR EACH ROW EXECUTE FUNCTION move(); GRANT ALL ON leaf TO %APP%", ..PLAIN },
    Variant { name: "an INSTEAD OF trigger", also: "CREATE FUNCTION through() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            EXECUTE format('UPDATE %I.notes SET org_id = $1, body = $2 WHERE id = $3', tg_table_schema) USING new.org_id, new.body, old.id; RETURN new; END $$;
        CREATE TRIGGER t INSTEAD OF UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION through()", ..PLAIN },
    Variant { name: "a generated column", also: "ALTER TABLE notes ADD home %TYPE% GENERATED ALWAYS AS
        (CASE WHEN body < 'b' THEN '%A%'::uuid ELSE '%B%'::uuid END) STORED", policies: &[
        "CREATE POLICY fence ON notes AS RESTRICTIVE USING (home %IS%)",
        "CREATE POLICY gate ON notes USING (home %IS%)"], ..PLAIN },
    Variant { name: "a partition", also: "ALTER TABLE notes RENAME TO leaf; CREATE TABLE notes (LIKE leaf) PARTITION BY RANGE (id);
        ALTER TABLE notes ATTACH PARTITION leaf FOR VALUES FROM (0) TO (10); CREATE TABLE rest PARTITION OF notes DEFAULT;
        CREATE TRIGGER t BEFORE UPDATE ON rest FOR EACH ROW EXECUTE FUNCTION move();
        INSERT INTO notes VALUES (11, '%A%', 'a11'), (12, '%B%', 'b12'); GRANT ALL ON leaf TO %APP%", ..PLAIN },
    Variant { name: "open to read", policies: &[
        "CREATE POLICY r ON notes FOR SELECT USING (true)",
        "CREATE POLICY u ON notes FOR UPDATE USING (true) WITH CHECK (org_id %IS%)",
        "CREATE POLICY i ON notes FOR INSERT WITH CHECK (org_id %IS%)",
        "CREATE POLICY d ON notes FOR DELETE USING (org_id %IS%)"], ..PLAIN },
    Variant { name: "open to change", policies: &[
        "CREATE POLICY r ON notes FOR SELECT USING (org_id %IS%)",
        "CREATE POLICY u ON notes FOR UPDATE USING (true) WITH CHECK (true)",
        "CREATE POLICY v ON notes AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (org_id %IS%)"], ..PLAIN },
    Variant { name: "different columns", policies: &[
        "CREATE POLICY p ON notes USING (true)",
        "CREATE POLICY q ON notes AS RESTRICTIVE FOR UPDATE USING (org_id %IS%) WITH CHECK (body <> 'x')",
        "CREATE POLICY r ON notes AS RESTRICTIVE FOR UPDATE USING (id < 4) WITH CHECK (org_id %IS%)"], ..PLAIN },
    Variant { name: "several gates", policies: &[
        "CREATE POLICY fence ON notes AS RESTRICTIVE TO %APP% USING (org_id %IS%)",
        "CREATE POLICY gate ON notes TO %APP% USING (org_id %IS%)",
        "CREATE POLICY other ON notes TO PUBLIC USING (body <> 'x')",
        "CREATE POLICY more ON notes FOR UPDATE TO PUBLIC USING (id > 1) WITH CHECK (true)"], ..PLAIN },
    Variant { name: "the opposite", policies: &[
        "CREATE POLICY p ON notes USING (true) WITH CHECK (org_id %IS%)",
        "CREATE POLICY q ON notes AS RESTRICTIVE FOR UPDATE USING (NOT (org_id %IS%))"], ..PLAIN },
];

/// What happens to the table while a plan of the statement is kept.
pub(super) const CHANGES: &[&str] = &[
    "CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move()",
    "CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move(); ALTER TABLE notes DISABLE TRIGGER t",
    "CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move(); ALTER TABLE notes ENABLE REPLICA TRIGGER t",
    "CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move(); ALTER TABLE notes ENABLE ALWAYS TRIGGER t",
    "CREATE TRIGGER t AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION again()",
    "CREATE TABLE leaf () INHERITS (notes); INSERT INTO leaf VALUES (6, '%A%', 'a6'), (7, '%B%', 'b7');
     CREATE TRIGGER t BEFORE UPDATE ON leaf FOR EACH ROW EXECUTE FUNCTION move()",
    "CREATE TABLE leaf (LIKE notes); INSERT INTO leaf VALUES (6, '%A%', 'a6'), (7, '%B%', 'b7');
     CREATE TRIGGER t BEFORE UPDATE ON leaf FOR EACH ROW EXECUTE FUNCTION move(); ALTER TABLE leaf INHERIT notes",
    "ALTER TABLE notes ADD COLUMN more int GENERATED ALWAYS AS (id + 1) STORED",
    "ALTER TABLE notes DROP COLUMN body CASCADE; ALTER TABLE notes ADD COLUMN body text DEFAULT 'new'",
    "ALTER TABLE notes RENAME org_id TO was; ALTER TABLE notes ADD COLUMN org_id %TYPE% DEFAULT '%B%'",
    "DROP POLICY gate ON notes; CREATE POLICY gate ON notes USING (true)",
    "DROP POLICY fence ON notes; CREATE POLICY fence ON notes AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (org_id %IS%)",
    "DROP POLICY gate ON notes",
    "ALTER POLICY fence ON notes USING (true)",
    "ALTER POLICY fence ON notes WITH CHECK (body <> 'x')",
    "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
    "CREATE RULE u AS ON UPDATE TO notes DO INSTEAD DELETE FROM notes WHERE id = old.id",
    "DROP INDEX notes_pkey CASCADE",
    "ALTER TABLE notes DROP CONSTRAINT notes_pkey CASCADE",
];
