-- API keys without their secrets. An app has this file in its folder of migrations.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    -- Null if the users of the app have no issuer.
    owner_issuer TEXT,
    -- The key as JSON. The columns besides it are for the statements of the store.
    record TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- In seconds since 1970, as is last_used_at.
    revoked_at BIGINT,
    usage_count BIGINT NOT NULL DEFAULT 0,
    last_used_at BIGINT
);

CREATE INDEX api_keys_by_owner ON api_keys (owner_id, owner_issuer);
