-- Version 4: the watch.

-- Audits may begin in the middle: `since` is the size that they began at.
CREATE TABLE audits_of_4 (
    log_id        INTEGER NOT NULL REFERENCES logs,
    kind          TEXT NOT NULL CHECK (kind IN ('records', 'hashes', 'mirror', 'mirror-hashes',
                      'mirror-sparse', 'records-since', 'hashes-since')),
    size          INTEGER NOT NULL,
    subtree_roots BLOB NOT NULL,
    head_size     INTEGER NOT NULL,
    files         BLOB NOT NULL,
    audited_at    TEXT NOT NULL,
    since         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (log_id, kind)
) STRICT;
INSERT INTO audits_of_4 (log_id, kind, size, subtree_roots, head_size, files, audited_at)
    SELECT log_id, kind, size, subtree_roots, head_size, files, audited_at FROM audits;
DROP TABLE audits;
ALTER TABLE audits_of_4 RENAME TO audits;

-- By which what this home gives out is told from what others do: 128 random bits.
CREATE TABLE identity (uid TEXT NOT NULL) STRICT;
INSERT INTO identity (uid) VALUES (lower(hex(randomblob(16))));

-- What somebody wants to be told of, in the order in which it was found. The sinks that an event is for
-- stand in `deliveries`; a row there is made together with the event, and goes with it.
CREATE TABLE events (
    event_id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid      TEXT NOT NULL UNIQUE,
    log_id   INTEGER REFERENCES logs,
    at       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    resolved INTEGER NOT NULL,
    summary  TEXT NOT NULL,
    detail   TEXT NOT NULL
) STRICT;

CREATE TABLE deliveries (
    event_id INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
    sink     TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at   TEXT NOT NULL,
    tried_at TEXT,
    told_at  TEXT,
    error    TEXT,
    PRIMARY KEY (event_id, sink)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (sink, event_id) WHERE told_at IS NULL;

-- What is found is told of once, by the event named here. What was known before there were events
-- is told of as well, when a watch begins.
ALTER TABLE findings ADD COLUMN event_id INTEGER;
ALTER TABLE anomalies ADD COLUMN event_id INTEGER;

-- New records that somebody watches for: why is 'module', or 'go.sum' for a record that contradicts
-- a line of one. Written together with the state of the audit that has read them.
CREATE TABLE watched_records (
    log_id       INTEGER NOT NULL REFERENCES logs,
    record_index INTEGER NOT NULL,
    module       TEXT NOT NULL,
    version      TEXT NOT NULL,
    why          TEXT NOT NULL CHECK (why IN ('module', 'go.sum')),
    because      TEXT NOT NULL,
    text         TEXT NOT NULL,
    seen_at      TEXT NOT NULL,
    -- When the line that a record contradicts was seen to stand no more.
    gone_at      TEXT,
    event_id     INTEGER,
    PRIMARY KEY (log_id, record_index, module, version, why)
) STRICT;
CREATE INDEX watched_untold ON watched_records (log_id) WHERE event_id IS NULL;

-- Whether the gate held a module for private: nothing of it is shown, whoever looks at the home.
ALTER TABLE decisions ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
UPDATE decisions SET private = 1 WHERE verdict = 'private';

-- Up to which size somebody has looked for watched records: other audits of a home do not.
CREATE TABLE watched_sizes (
    log_id INTEGER PRIMARY KEY REFERENCES logs,
    size   INTEGER NOT NULL
) STRICT;

-- What holds now and was told of: it is told again when it is over.
CREATE TABLE conditions (
    log_id   INTEGER NOT NULL REFERENCES logs,
    name     TEXT NOT NULL,
    since    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    summary  TEXT NOT NULL,
    detail   TEXT NOT NULL,
    PRIMARY KEY (log_id, name)
) STRICT;

-- Rounds of a watch. A row without an end is under way, or was killed. Until `good_until` the round may be
-- relied on: by then the schedule has others that should have come.
CREATE TABLE runs (
    run_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    log_id    INTEGER NOT NULL REFERENCES logs,
    began_at  TEXT NOT NULL,
    ended_at  TEXT,
    good_until TEXT,
    outcome   TEXT CHECK (outcome IN ('ok', 'unverified', 'negative', 'misbehaviour', 'stopped')),
    -- The log itself was verified to its newest head, whatever its records say and whoever else was silent.
    verified  INTEGER NOT NULL DEFAULT 0,
    audited   TEXT CHECK (audited IN ('records', 'hashes')),
    from_size INTEGER,
    to_size   INTEGER,
    head_size INTEGER,
    faults    TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX runs_by_log ON runs (log_id, run_id);

-- What each place that was asked had to say the last time.
CREATE TABLE vantage_points (
    log_id     INTEGER NOT NULL REFERENCES logs,
    name       TEXT NOT NULL,
    place      TEXT NOT NULL,
    status     TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    answered_at TEXT,
    size       INTEGER,
    root       BLOB,
    grown_at   TEXT,
    detail     TEXT NOT NULL,
    PRIMARY KEY (log_id, name)
) STRICT;

-- Heads that the log's key has signed and that could not be tied into the timeline yet: whoever shows
-- them may show them to others alone. They are tried again until they are tied or convict the log.
CREATE TABLE untied_heads (
    log_id  INTEGER NOT NULL REFERENCES logs,
    size    INTEGER NOT NULL,
    root    BLOB NOT NULL CHECK (length(root) = 32),
    note    BLOB NOT NULL,
    source  TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (log_id, size, root)
) STRICT;
