-- One text for SQLite and Postgres, so: only TEXT and BIGINT. Times are milliseconds since the epoch,
-- ids are UUID v7.

CREATE TABLE accounts (
    id               TEXT   NOT NULL PRIMARY KEY,
    name             TEXT   NOT NULL UNIQUE,
    password_hash    TEXT   NOT NULL,
    -- Grows by one with each change of the password.
    password_version BIGINT NOT NULL,
    created_at_ms    BIGINT NOT NULL
);

-- One row for each name that was guessed at lately, whether there is such an account or not.
CREATE TABLE login_failures (
    name      TEXT   NOT NULL PRIMARY KEY,
    -- The times of its failures in the last minute, ten at most, with spaces between them.
    recent    TEXT   NOT NULL,
    newest_ms BIGINT NOT NULL
);

CREATE INDEX login_failures_by_age ON login_failures (newest_ms);

CREATE TABLE orders (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id),
    session_id   TEXT   NOT NULL,
    cart_version BIGINT NOT NULL,
    placed_at_ms BIGINT NOT NULL,
    -- The JSON the client was given; a replay sends the same bytes.
    body         TEXT   NOT NULL,
    -- Two keys cannot turn one cart into two orders.
    UNIQUE (session_id, cart_version)
);

CREATE INDEX orders_by_account ON orders (account_id, placed_at_ms);

CREATE TABLE idempotency_keys (
    account_id    TEXT   NOT NULL REFERENCES accounts (id),
    method        TEXT   NOT NULL,
    path          TEXT   NOT NULL,
    key           TEXT   NOT NULL,
    cart_version  BIGINT NOT NULL,
    -- Who is working on it, and until when nobody else may.
    claim_id      TEXT   NOT NULL,
    replica       TEXT   NOT NULL,
    boot          TEXT   NOT NULL,
    lease_ends_ms BIGINT NOT NULL,
    -- The result. NULL as long as there is none.
    order_id      TEXT   REFERENCES orders (id),
    PRIMARY KEY (account_id, method, path, key)
);
