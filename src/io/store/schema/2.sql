-- Version 2: what the gate decides, and pins of private modules.

-- The hash that a private module's file had when it was first seen, or that somebody said it has.
CREATE TABLE pins (
    module    TEXT NOT NULL,
    version   TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('zip', 'go.mod')),
    hash      TEXT NOT NULL,
    pinned_at TEXT NOT NULL,
    source    TEXT NOT NULL,
    PRIMARY KEY (module, version, kind)
) STRICT;

-- What the gate decided: who asked for what, and what was said. The hash is that of what came.
CREATE TABLE decisions (
    decision_id  INTEGER PRIMARY KEY,
    decided_at   TEXT NOT NULL,
    client       TEXT NOT NULL,
    module       TEXT NOT NULL,
    version      TEXT NOT NULL,
    file         TEXT NOT NULL,
    verdict      TEXT NOT NULL,
    hash         TEXT,
    record_index INTEGER,
    head_size    INTEGER,
    upstream     TEXT,
    reason       TEXT
) STRICT;

CREATE INDEX decisions_by_time ON decisions (decided_at);
