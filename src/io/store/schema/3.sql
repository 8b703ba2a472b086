-- Version 3: audits.

-- How far the records of a log were read and hashed: the compact range there, what is on the disk of
-- the module versions that were seen, and when that was.
CREATE TABLE audits (
    log_id        INTEGER PRIMARY KEY REFERENCES logs,
    size          INTEGER NOT NULL,
    subtree_roots BLOB NOT NULL,
    seen_key      BLOB NOT NULL CHECK (length(seen_key) = 16),
    seen_extent   BLOB NOT NULL,
    audited_at    TEXT NOT NULL
) STRICT;

-- Records that are strange and no misbehaviour.
CREATE TABLE anomalies (
    log_id       INTEGER NOT NULL REFERENCES logs,
    record_index INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    text         TEXT NOT NULL,
    PRIMARY KEY (log_id, record_index, kind)
) STRICT;
