CREATE TABLE profiles.profiles (
    user_id uuid PRIMARY KEY,
    steam_id bigint,
    display_name text NOT NULL,
    avatar_url text,
    locale text,
    time_zone text,
    preferences jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Who has none has bought nothing.
CREATE TABLE profiles.subscriptions (
    user_id uuid PRIMARY KEY REFERENCES profiles.profiles ON DELETE CASCADE,
    plan text NOT NULL,
    status text NOT NULL,
    current_period_end timestamptz,
    source text,
    updated_at timestamptz NOT NULL
);

-- All that is left of a profile.
CREATE TABLE profiles.tombstones (
    user_id uuid PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);

CREATE TABLE profiles.changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES profiles.profiles ON DELETE CASCADE,
    at timestamptz NOT NULL,
    by uuid NOT NULL,
    fields text[] NOT NULL
);
CREATE INDEX changes_of_user ON profiles.changes (user_id, id);

CREATE TABLE profiles.idempotency (
    key text PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES profiles.profiles ON DELETE CASCADE,
    answer jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX idempotency_of_user ON profiles.idempotency (user_id);
CREATE INDEX idempotency_by_time ON profiles.idempotency (at);

-- For panels, which see no names, pictures, Steam ids and preferences.
CREATE VIEW profiles.panel_profiles AS
SELECT user_id, locale, time_zone, coalesce(plan, 'free') AS plan, coalesce(status, 'active') AS status,
    current_period_end, source, version, created_at, profiles.updated_at
FROM profiles.profiles LEFT JOIN profiles.subscriptions USING (user_id);

CREATE VIEW profiles.panel_changes AS
SELECT id, user_id, at, by, fields FROM profiles.changes;

CREATE VIEW profiles.panel_deletions AS
SELECT user_id, deleted_at FROM profiles.tombstones;
