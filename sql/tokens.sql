-- Signed tokens: which keys are trusted with which organizations' names, and showing a token.
CREATE TABLE org_scope.signing_key (
    issuer text,
    kid text,
    algorithm text NOT NULL,
    key text NOT NULL,
    audience text,
    claims text NOT NULL,
    leeway integer NOT NULL,
    membership text,
    CONSTRAINT signing_key_pkey PRIMARY KEY (issuer, kid)
);
COMMENT ON TABLE org_scope.signing_key IS 'the keys by which tokens are verified; written by add_signing_key, import_jwks and remove_signing_key';
COMMENT ON COLUMN org_scope.signing_key.issuer IS 'what its tokens name as iss';
COMMENT ON COLUMN org_scope.signing_key.kid IS 'what its tokens name as kid';
COMMENT ON COLUMN org_scope.signing_key.algorithm IS 'the only algorithm that it is used with';
COMMENT ON COLUMN org_scope.signing_key.key IS 'the public key or, for HS256 and its kin, the secret';
COMMENT ON COLUMN org_scope.signing_key.audience IS 'what its tokens must name in aud; NULL: its tokens have none';
COMMENT ON COLUMN org_scope.signing_key.claims IS 'where its tokens name organization and user';
COMMENT ON COLUMN org_scope.signing_key.leeway IS 'how far the issuer''s clock may be off, in seconds';
COMMENT ON COLUMN org_scope.signing_key.membership IS 'the lookup that must have the token''s organization for its user';
REVOKE ALL ON org_scope.signing_key FROM PUBLIC;
ALTER TABLE org_scope.signing_key ENABLE ROW LEVEL SECURITY;
-- Secrets are in no dump.
SELECT pg_catalog.pg_extension_config_dump('org_scope.signing_key', 'WHERE algorithm NOT LIKE ''HS%''');

CREATE FUNCTION org_scope._signing_key_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_access_changed';
COMMENT ON FUNCTION org_scope._signing_key_changed() IS 'tells every session that what it knows of keys is stale';
REVOKE ALL ON FUNCTION org_scope._signing_key_changed() FROM PUBLIC;
CREATE TRIGGER signing_key_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON org_scope.signing_key
    FOR EACH STATEMENT EXECUTE FUNCTION org_scope._signing_key_changed();
ALTER TABLE org_scope.signing_key ENABLE ALWAYS TRIGGER signing_key_changed;
COMMENT ON TRIGGER signing_key_changed ON org_scope.signing_key IS 'tells every session that what it knows of keys is stale';

-- SECURITY DEFINER as allow is, for the same reasons: whoever brings a key signs for every organization.
CREATE FUNCTION org_scope.add_signing_key(
    kid text, algorithm text, key text, issuer text, audience text DEFAULT NULL, claims text DEFAULT 'standard',
    leeway interval DEFAULT '30 s', membership name DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_add_signing_key';
COMMENT ON FUNCTION org_scope.add_signing_key(text, text, text, text, text, text, interval, name) IS 'trusts a key of an issuer: PEM or JWK, or base64url for a shared secret';
REVOKE ALL ON FUNCTION org_scope.add_signing_key(text, text, text, text, text, text, interval, name) FROM PUBLIC;

CREATE FUNCTION org_scope.import_jwks(
    jwks jsonb, issuer text, audience text DEFAULT NULL, claims text DEFAULT 'standard', leeway interval DEFAULT '30 s',
    membership name DEFAULT NULL, rsa_algorithm text DEFAULT 'RS256')
    RETURNS TABLE (kid text, algorithm text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_import_jwks';
COMMENT ON FUNCTION org_scope.import_jwks(jsonb, text, text, text, interval, name, text) IS 'trusts the keys that an issuer publishes, and no longer those that it doesn''t; shared secrets stay';
REVOKE ALL ON FUNCTION org_scope.import_jwks(jsonb, text, text, text, interval, name, text) FROM PUBLIC;

CREATE FUNCTION org_scope.remove_signing_key(issuer text, kid text) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_remove_signing_key';
COMMENT ON FUNCTION org_scope.remove_signing_key(text, text) IS 'trusts a key no longer';
REVOKE ALL ON FUNCTION org_scope.remove_signing_key(text, text) FROM PUBLIC;

-- Asks the access table by session_user, as the setters do, so PUBLIC may call it.
CREATE FUNCTION org_scope.authenticate(token text, is_local boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_authenticate';
COMMENT ON FUNCTION org_scope.authenticate(text, boolean) IS 'becomes the organization, and user, that a signed token names, until it expires; give the token as a parameter; returns the organization';

-- For PostgREST's db-pre-request. The claims are those that it has verified and set; whoever can set them otherwise needs
-- access direct for them to count.
CREATE FUNCTION org_scope.pre_request(claims text DEFAULT 'standard') RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_pre_request';
COMMENT ON FUNCTION org_scope.pre_request(text) IS 'for PostgREST: becomes the organization and user of the request''s verified claims, for the transaction; needs access direct';

CREATE FUNCTION org_scope.pre_request_token() RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_pre_request_token';
COMMENT ON FUNCTION org_scope.pre_request_token() IS 'for PostgREST: shows the request''s bearer token, for the transaction; needs access token';
