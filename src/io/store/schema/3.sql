-- Version 3: audits and mirrors.

-- How far a log was replayed: by its records, by its hashes alone, or into a mirror. The compact range
-- there, the newest signed head that it has reached, and which of the files beside the database count.
CREATE TABLE audits (
    log_id        INTEGER NOT NULL REFERENCES logs,
    kind          TEXT NOT NULL CHECK (kind IN ('records', 'hashes', 'mirror', 'mirror-hashes', 'mirror-sparse')),
    size          INTEGER NOT NULL,
    subtree_roots BLOB NOT NULL,
    head_size     INTEGER NOT NULL,
    files         BLOB NOT NULL,
    audited_at    TEXT NOT NULL,
    PRIMARY KEY (log_id, kind)
) STRICT;

-- Records that are strange and no misbehaviour.
CREATE TABLE anomalies (
    log_id       INTEGER NOT NULL REFERENCES logs,
    record_index INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    earlier      INTEGER,
    text         TEXT NOT NULL,
    PRIMARY KEY (log_id, record_index, kind)
) STRICT;
