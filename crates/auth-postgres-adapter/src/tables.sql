CREATE TABLE auth.users (
    id uuid PRIMARY KEY,
    steam_id bigint NOT NULL UNIQUE,
    display_name text,
    avatar_url text,
    created_at timestamptz NOT NULL,
    last_login_at timestamptz NOT NULL,
    blocked_at timestamptz,
    blocked_reason text,
    CHECK ((blocked_at IS NULL) = (blocked_reason IS NULL))
);

-- Of secrets only the SHA-256 is kept. The browser's tells which one has begun an attempt.
CREATE TABLE auth.attempts (
    id_hash bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    client_state text NOT NULL,
    code_challenge text NOT NULL,
    -- None if nothing in particular was asked for, which is not the same as nothing.
    scope text,
    created_at timestamptz NOT NULL,
    consumed_at timestamptz,
    checks_failed smallint NOT NULL
);
CREATE INDEX attempts_by_time ON auth.attempts (created_at);

CREATE TABLE auth.steam_nonces (
    nonce text PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
CREATE INDEX steam_nonces_by_time ON auth.steam_nonces (seen_at);

CREATE TABLE auth.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users,
    client_id text NOT NULL,
    scope text NOT NULL,
    authenticated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    user_agent text,
    address_prefix text,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX sessions_of_user ON auth.sessions (user_id);
CREATE INDEX sessions_by_end ON auth.sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_by_use ON auth.sessions (last_used_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_by_expiry ON auth.sessions (expires_at) WHERE revoked_at IS NULL;

CREATE TABLE auth.codes (
    hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    code_challenge text NOT NULL,
    scope text NOT NULL,
    authenticated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz,
    session_id uuid REFERENCES auth.sessions ON DELETE CASCADE,
    CHECK ((consumed_at IS NULL) = (session_id IS NULL))
);
CREATE INDEX codes_by_expiry ON auth.codes (expires_at);
CREATE INDEX codes_of_session ON auth.codes (session_id) WHERE session_id IS NOT NULL;

CREATE TABLE auth.refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES auth.sessions ON DELETE CASCADE,
    parent bytea,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz
);
-- Whatever the program does, there is one tip.
CREATE UNIQUE INDEX refresh_tokens_one_tip ON auth.refresh_tokens (session_id)
    WHERE used_at IS NULL AND revoked_at IS NULL;
CREATE INDEX refresh_tokens_of_session ON auth.refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_parent ON auth.refresh_tokens (parent) WHERE parent IS NOT NULL;
CREATE INDEX refresh_tokens_by_expiry ON auth.refresh_tokens (expires_at)
    WHERE used_at IS NOT NULL OR revoked_at IS NOT NULL;

CREATE TABLE auth.signing_keys (
    kid text PRIMARY KEY,
    algorithm text NOT NULL,
    sealed bytea NOT NULL,
    public jsonb NOT NULL,
    publish_at timestamptz NOT NULL,
    active_from timestamptz NOT NULL,
    retire_at timestamptz
);

CREATE TABLE auth.audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    event text NOT NULL,
    user_id uuid,
    client_id text,
    session_id uuid,
    address_prefix text,
    detail jsonb NOT NULL
);
CREATE INDEX audit_log_of_user ON auth.audit_log (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_log_by_time ON auth.audit_log (at);

CREATE FUNCTION auth.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'auth.audit_log is only added to' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON auth.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_change();

-- For panels, which see no hashes, no keys, and nothing of attempts and codes.
CREATE VIEW auth.panel_users AS
SELECT id, steam_id, created_at, last_login_at, blocked_at, blocked_reason FROM auth.users;

CREATE VIEW auth.panel_sessions AS
SELECT id, user_id, client_id, scope, created_at, last_used_at, expires_at, revoked_at, revoked_reason,
    user_agent, address_prefix
FROM auth.sessions;

CREATE VIEW auth.panel_audit AS
SELECT id, at, event, user_id, client_id, session_id, address_prefix, detail FROM auth.audit_log;

CREATE VIEW auth.panel_keys AS
SELECT kid, algorithm, publish_at, active_from, retire_at FROM auth.signing_keys;
