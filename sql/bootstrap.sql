-- The extension's own schema. It must not exist yet: whoever owned it could plant objects in it.
CREATE SCHEMA org_scope;
COMMENT ON SCHEMA org_scope IS 'walls off organizations inside this database';
-- USAGE, never CREATE: every role calls the functions, none adds its own.
GRANT USAGE ON SCHEMA org_scope TO PUBLIC;
