-- The accounts of the app, and their sessions. Put this file into your folder of migrations.
CREATE TABLE accounts (
    name TEXT NOT NULL PRIMARY KEY,
    -- In the PHC string format, with the salt and the parameters.
    password_hash TEXT NOT NULL
);

CREATE TABLE sessions (
    -- The SHA-256 of the cookie, which itself is not stored.
    digest BLOB NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    -- Null if the users of the app have no issuer.
    owner_issuer TEXT,
    -- The session as JSON. The other columns are for the statements of the store.
    record TEXT NOT NULL,
    is_replaced BOOLEAN NOT NULL,
    -- In seconds since 1970, as is last_used_at.
    kept_until BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_owner ON sessions (owner_id, owner_issuer, id);
CREATE INDEX sessions_by_end ON sessions (kept_until);
