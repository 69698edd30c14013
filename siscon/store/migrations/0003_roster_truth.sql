-- Plans that hold everything, withdrawals with a date, decisions and edits of people as runs, and what undoing needs.

-- Runs of people: edits, decisions on conflicts, undoing; a lane for the one record that somebody waits for; dry runs.
CREATE TABLE runs_new (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  integration TEXT NOT NULL REFERENCES integrations (name),
  kind TEXT NOT NULL CHECK (kind IN ('import', 'redrive', 'undo', 'settle', 'edit', 'export', 'warehouse')),
  lane TEXT NOT NULL CHECK (lane IN ('bulk', 'quick', 'single')),
  status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'held', 'planned', 'interrupted', 'completed',
    'completed with warnings', 'completed with errors', 'failed', 'cancelled')),
  phase TEXT CHECK (phase IN ('fetch', 'plan', 'apply')),
  entities TEXT NOT NULL CHECK (json_valid(entities)),
  full_compare INTEGER NOT NULL DEFAULT 0 CHECK (full_compare IN (0, 1)),
  requested_by TEXT NOT NULL,
  due_at_ms INTEGER,
  queued_at_ms INTEGER NOT NULL,
  started_at_ms INTEGER,
  finished_at_ms INTEGER,
  attempt INTEGER NOT NULL DEFAULT 0,
  engine TEXT,
  cancel_requested_by TEXT,
  approved_by TEXT,
  error_code TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  requests INTEGER NOT NULL DEFAULT 0,
  waiting_until_ms INTEGER,
  coverage TEXT NOT NULL DEFAULT '',
  -- A dry run ends with its plan; somebody may let it apply later.
  dry INTEGER NOT NULL DEFAULT 0 CHECK (dry IN (0, 1)),
  -- What a run of another kind than import is asked to do, and why.
  request TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(request)),
  reason TEXT NOT NULL DEFAULT '',
  -- Where it stood when its engine died, and how often engines died there.
  stood_at TEXT NOT NULL DEFAULT '',
  deaths INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO runs_new (id, integration, kind, lane, status, phase, entities, full_compare, requested_by, due_at_ms,
  queued_at_ms, started_at_ms, finished_at_ms, attempt, engine, cancel_requested_by, approved_by, error_code, error,
  requests, waiting_until_ms, coverage)
SELECT id, integration, kind, lane, status, phase, entities, full_compare, requested_by, due_at_ms,
  queued_at_ms, started_at_ms, finished_at_ms, attempt, engine, cancel_requested_by, approved_by, error_code, error,
  requests, waiting_until_ms, coverage FROM runs;
DROP TABLE runs;
ALTER TABLE runs_new RENAME TO runs;
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_by_integration ON runs (integration, id);
CREATE UNIQUE INDEX runs_one_in_lane ON runs (integration, lane) WHERE status = 'running';
CREATE UNIQUE INDEX runs_once_when_due ON runs (integration, kind, due_at_ms) WHERE due_at_ms IS NOT NULL;

ALTER TABLE run_counts ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_counts ADD COLUMN known INTEGER NOT NULL DEFAULT 0;
-- The fetch was complete: only then does what is absent say something.
ALTER TABLE run_counts ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;
-- A person approved the plan without this entity.
ALTER TABLE run_counts ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_counts ADD COLUMN applied_to TEXT;
-- The record that was begun after an engine had died, and how often it was begun.
ALTER TABLE run_counts ADD COLUMN trying TEXT;
ALTER TABLE run_counts ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
UPDATE run_counts SET applied_to = (
  SELECT c.applied_to FROM cursors c JOIN runs r ON r.integration = c.integration
  WHERE r.id = run_counts.run_id AND c.run_id = r.id AND c.entity = run_counts.entity);
ALTER TABLE cursors DROP COLUMN applied_to;

-- The plan also holds who is missing and who would be withdrawn.
CREATE TABLE staged_new (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  external_id TEXT NOT NULL,
  part TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  verdict TEXT CHECK (verdict IN ('create', 'update', 'unchanged', 'conflict', 'dead', 'missing', 'withdraw',
    'remove', 'skip')),
  seen_fingerprint TEXT,
  seen_version INTEGER,
  changes TEXT,
  -- When the SIS says it last changed the record; empty where it does not say.
  modified_at TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run_id, entity, external_id, part)
) STRICT, WITHOUT ROWID;
INSERT INTO staged_new (run_id, entity, external_id, part, body, fingerprint, verdict, seen_fingerprint, seen_version,
  changes)
SELECT run_id, entity, external_id, part, body, fingerprint, verdict, seen_fingerprint, seen_version, changes FROM staged;
DROP TABLE staged;
ALTER TABLE staged_new RENAME TO staged;

CREATE TABLE changes_new (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  run_id INTEGER,
  integration TEXT NOT NULL,
  entity TEXT NOT NULL,
  external_id TEXT NOT NULL,
  internal_id INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('created', 'updated', 'withdrawn', 'edited', 'settled', 'merged', 'removed',
    'restored')),
  before TEXT,
  after TEXT NOT NULL,
  -- The fields last agreed on before a decision changed them; which rule decided, by field.
  base TEXT,
  rules TEXT
) STRICT;
INSERT INTO changes_new (id, at_ms, run_id, integration, entity, external_id, internal_id, kind, before, after)
SELECT id, at_ms, run_id, integration, entity, external_id, internal_id, kind, before, after FROM changes;
DROP TABLE changes;
ALTER TABLE changes_new RENAME TO changes;
CREATE INDEX changes_by_run ON changes (run_id, id);
CREATE INDEX changes_by_record ON changes (internal_id, id);

-- Edits by people, and by other programs: whoever writes to the roster leaves a new version and a moment.
ALTER TABLE schools ADD COLUMN edited_at_ms INTEGER;
ALTER TABLE terms ADD COLUMN edited_at_ms INTEGER;
ALTER TABLE staff ADD COLUMN edited_at_ms INTEGER;
ALTER TABLE students ADD COLUMN edited_at_ms INTEGER;
ALTER TABLE courses ADD COLUMN edited_at_ms INTEGER;
ALTER TABLE sections ADD COLUMN edited_at_ms INTEGER;
ALTER TABLE enrollments ADD COLUMN edited_at_ms INTEGER;
CREATE TRIGGER schools_edited AFTER UPDATE ON schools WHEN NEW.version = OLD.version BEGIN
  UPDATE schools SET version = OLD.version + 1, edited_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
  WHERE id = NEW.id;
END;
CREATE TRIGGER terms_edited AFTER UPDATE ON terms WHEN NEW.version = OLD.version BEGIN
  UPDATE terms SET version = OLD.version + 1, edited_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
  WHERE id = NEW.id;
END;
CREATE TRIGGER staff_edited AFTER UPDATE ON staff WHEN NEW.version = OLD.version BEGIN
  UPDATE staff SET version = OLD.version + 1, edited_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
  WHERE id = NEW.id;
END;
CREATE TRIGGER students_edited AFTER UPDATE ON students WHEN NEW.version = OLD.version BEGIN
  UPDATE students SET version = OLD.version + 1, edited_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
  WHERE id = NEW.id;
END;
CREATE TRIGGER courses_edited AFTER UPDATE ON courses WHEN NEW.version = OLD.version BEGIN
  UPDATE courses SET version = OLD.version + 1, edited_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
  WHERE id = NEW.id;
END;
CREATE TRIGGER sections_edited AFTER UPDATE ON sections WHEN NEW.version = OLD.version BEGIN
  UPDATE sections SET version = OLD.version + 1, edited_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
  WHERE id = NEW.id;
END;
CREATE TRIGGER enrollments_edited AFTER UPDATE ON enrollments WHEN NEW.version = OLD.version BEGIN
  UPDATE enrollments SET version = OLD.version + 1, edited_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
  WHERE id = NEW.id;
END;

-- Open questions of several kinds: fields that both sides changed, an id that came back as somebody else, one person
-- under two ids.
ALTER TABLE conflicts ADD COLUMN kind TEXT NOT NULL DEFAULT 'fields' CHECK (kind IN ('fields', 'identity', 'duplicate'));
ALTER TABLE conflicts ADD COLUMN other_external_id TEXT;
ALTER TABLE conflicts ADD COLUMN why TEXT NOT NULL DEFAULT '';
ALTER TABLE conflicts ADD COLUMN sis_modified_at TEXT NOT NULL DEFAULT '';
ALTER TABLE conflicts ADD COLUMN local_edited_at_ms INTEGER;
ALTER TABLE conflicts ADD COLUMN settled_run_id INTEGER;
DROP INDEX conflicts_one_open;
CREATE UNIQUE INDEX conflicts_one_open ON conflicts (integration, entity, external_id, kind) WHERE status = 'open';
CREATE INDEX conflicts_of_record ON conflicts (integration, entity, external_id) WHERE status = 'settled';
CREATE INDEX conflicts_settled_by_run ON conflicts (settled_run_id) WHERE settled_run_id IS NOT NULL;

-- The SIS called one person by two names: the one that was given up leads to the one that stays.
CREATE TABLE aliases (
  integration TEXT NOT NULL REFERENCES integrations (name),
  entity TEXT NOT NULL,
  external_id TEXT NOT NULL,
  survivor TEXT NOT NULL,
  made_at_ms INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  PRIMARY KEY (integration, entity, external_id)
) STRICT, WITHOUT ROWID;

-- Expected mass changes, told beforehand: so much, of what, until when.
CREATE TABLE rollovers (
  id INTEGER PRIMARY KEY,
  integration TEXT NOT NULL REFERENCES integrations (name),
  entity TEXT NOT NULL,
  what TEXT NOT NULL CHECK (what IN ('created', 'updated', 'missing')),
  share REAL NOT NULL CHECK (share > 0 AND share <= 1),
  until_ms INTEGER NOT NULL,
  reason TEXT NOT NULL,
  declared_by TEXT NOT NULL,
  declared_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;

-- User names once given are nobody else's, ever.
CREATE TABLE accounts (
  name TEXT PRIMARY KEY,
  internal_id INTEGER NOT NULL,
  given_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_of_record ON accounts (internal_id);

-- Since when the roster calls an absent record withdrawn, and the run that first missed it.
ALTER TABLE {mappings} ADD COLUMN withdrawn_at INTEGER;
ALTER TABLE {mappings} ADD COLUMN missing_run INTEGER;

-- Updates that only filled in what had to be left out before: no guard counts those.
ALTER TABLE run_counts ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;

-- Records of a plan that vanished under one id and came under another, as their other fields tell.
CREATE TABLE rekeyed (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  old_id TEXT NOT NULL,
  new_id TEXT NOT NULL,
  rule TEXT NOT NULL,
  PRIMARY KEY (run_id, entity, old_id),
  UNIQUE (run_id, entity, new_id)
) STRICT, WITHOUT ROWID;
