-- Version 1 of the state. Later versions migrate forwards only.

-- A log is known by its verifier key: its name and public key.
CREATE TABLE logs (
    log_id       INTEGER PRIMARY KEY,
    name         TEXT NOT NULL,
    verifier_key TEXT NOT NULL UNIQUE
) STRICT;

-- Every tree head that was ever verified. `note` is what the log signed and is checked at each
-- use; `tied_to_size` and `tie` say how it was proven to be of one timeline with the others.
CREATE TABLE heads (
    log_id       INTEGER NOT NULL REFERENCES logs,
    size         INTEGER NOT NULL,
    root         BLOB NOT NULL CHECK (length(root) = 32),
    note         BLOB NOT NULL,
    seen_at      TEXT NOT NULL,
    source       TEXT NOT NULL,
    tied_to_size INTEGER,
    tie          TEXT NOT NULL CHECK (tie IN ('first', 'extension', 'prefix')),
    PRIMARY KEY (log_id, size)
) STRICT;

-- Records that were proven, with the inclusion proof under one of the heads: 32 bytes for each
-- hash. The proof is checked again before a record serves a verdict. Not WITHOUT ROWID: with rows of
-- a kilobyte in the tree itself the file is three times as large and reading seven times slower.
CREATE TABLE records (
    log_id          INTEGER NOT NULL REFERENCES logs,
    module          TEXT NOT NULL,
    version         TEXT NOT NULL,
    record_index    INTEGER NOT NULL,
    text            BLOB NOT NULL,
    proof           BLOB NOT NULL,
    proof_head_size INTEGER NOT NULL,
    UNIQUE (log_id, module, version)
) STRICT;

-- Misbehaviour, told again at each run until somebody acknowledges it.
CREATE TABLE findings (
    finding_id      INTEGER PRIMARY KEY,
    log_id          INTEGER NOT NULL REFERENCES logs,
    kind            TEXT NOT NULL,
    found_at        TEXT NOT NULL,
    evidence_path   TEXT NOT NULL,
    acknowledged_at TEXT
) STRICT;
