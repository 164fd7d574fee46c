-- Names and organizations are read as UTF-8. In another encoding two of them could become one.
DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = 'org_scope needs a database with encoding UTF8',
            DETAIL = pg_catalog.format('The encoding of this database is %s.', pg_catalog.getdatabaseencoding());
    END IF;
END
$$;

-- The extension's own schema. It must not exist yet: whoever owned it could plant objects in it.
CREATE SCHEMA org_scope;
COMMENT ON SCHEMA org_scope IS 'walls off organizations inside this database';
-- USAGE, never CREATE: every role calls the functions, none adds its own.
GRANT USAGE ON SCHEMA org_scope TO PUBLIC;
