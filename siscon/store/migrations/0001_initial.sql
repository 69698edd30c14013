-- The whole house in one migration: what is on or off, the queue, the plan, the roster, open questions, what was done.
-- Times are milliseconds since 1970, UTC. Booleans are 0 or 1. JSON is text.

-- One internal id is given once, whatever the entity, and never again.
CREATE TABLE sequences (
  name TEXT PRIMARY KEY,
  next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sequences (name, next) VALUES ('record', 1);

CREATE TABLE integrations (
  name TEXT PRIMARY KEY,
  provider TEXT NOT NULL,
  title TEXT NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  schedule TEXT NOT NULL DEFAULT '',
  requests_per_minute INTEGER NOT NULL DEFAULT 0,
  activated_at_ms INTEGER NOT NULL,
  next_due_at_ms INTEGER,
  last_good_at_ms INTEGER,
  last_error TEXT NOT NULL DEFAULT '',
  failing_since_ms INTEGER,
  breaker_state TEXT NOT NULL DEFAULT 'closed' CHECK (breaker_state IN ('closed', 'open', 'trying')),
  breaker_failures INTEGER NOT NULL DEFAULT 0,
  breaker_until_ms INTEGER
) STRICT, WITHOUT ROWID;

-- A name, an owner, a moment. The fence grows at each change of owner; every writing transaction shows it.
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  fence INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE engines (
  id TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  version TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  stopped_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- The next free moment of each credential (theoretical arrival time), shared by all who use it.
CREATE TABLE rate_limits (
  key TEXT PRIMARY KEY,
  tat_ms INTEGER NOT NULL DEFAULT 0,
  pause_until_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- The queue is this table.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  integration TEXT NOT NULL REFERENCES integrations (name),
  kind TEXT NOT NULL CHECK (kind IN ('import', 'redrive', 'undo', 'export', 'warehouse')),
  lane TEXT NOT NULL CHECK (lane IN ('bulk', 'quick')),
  status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'held', 'interrupted', 'completed',
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
  waiting_until_ms INTEGER
) STRICT;
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_by_integration ON runs (integration, id);
-- One bulk and one quick run of an integration at a time, and a schedule's moment fires once.
CREATE UNIQUE INDEX runs_one_in_lane ON runs (integration, lane) WHERE status = 'running';
CREATE UNIQUE INDEX runs_once_when_due ON runs (integration, kind, due_at_ms) WHERE due_at_ms IS NOT NULL;

CREATE TABLE run_counts (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  position INTEGER NOT NULL,
  phase TEXT CHECK (phase IN ('fetch', 'plan', 'apply')),
  done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
  fetched INTEGER NOT NULL DEFAULT 0,
  total INTEGER,
  pages INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL DEFAULT 0,
  updated INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  conflict INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  missing INTEGER NOT NULL DEFAULT 0,
  warnings INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  seconds REAL NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, entity)
) STRICT, WITHOUT ROWID;

-- How far: the resume position of the run under way, and the watermark of the last good one. Both are opaque.
CREATE TABLE cursors (
  integration TEXT NOT NULL REFERENCES integrations (name),
  entity TEXT NOT NULL,
  watermark TEXT,
  watermark_at_ms INTEGER,
  run_id INTEGER,
  resume TEXT,
  next_watermark TEXT,
  complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
  partial INTEGER NOT NULL DEFAULT 0 CHECK (partial IN (0, 1)),
  applied_to TEXT,
  PRIMARY KEY (integration, entity)
) STRICT, WITHOUT ROWID;

-- Fetched, not yet applied; once planned, this table is the plan. part '' is the record, others are pieces of it.
CREATE TABLE staged (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  external_id TEXT NOT NULL,
  part TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  verdict TEXT CHECK (verdict IN ('create', 'update', 'unchanged', 'conflict', 'dead')),
  seen_fingerprint TEXT,
  seen_version INTEGER,
  changes TEXT,
  PRIMARY KEY (run_id, entity, external_id, part)
) STRICT, WITHOUT ROWID;

-- The local roster. References are internal ids; several of them stand in a table of their own.
CREATE TABLE schools (
  id INTEGER PRIMARY KEY,
  name TEXT, number TEXT, low_grade TEXT, high_grade TEXT, status TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE terms (
  id INTEGER PRIMARY KEY,
  name TEXT, school INTEGER REFERENCES schools (id), starts_on TEXT, ends_on TEXT, school_year TEXT,
  status TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE staff (
  id INTEGER PRIMARY KEY,
  first_name TEXT, last_name TEXT, local_id TEXT, email TEXT, username TEXT, status TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE students (
  id INTEGER PRIMARY KEY,
  first_name TEXT, middle_name TEXT, last_name TEXT, local_id TEXT, state_id TEXT, birth_date TEXT, gender TEXT,
  grade_level TEXT, email TEXT, username TEXT, school INTEGER REFERENCES schools (id), status TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE courses (
  id INTEGER PRIMARY KEY,
  title TEXT, code TEXT, school INTEGER REFERENCES schools (id), status TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE sections (
  id INTEGER PRIMARY KEY,
  title TEXT, number TEXT, period TEXT, course INTEGER REFERENCES courses (id),
  school INTEGER REFERENCES schools (id), status TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE enrollments (
  id INTEGER PRIMARY KEY,
  section INTEGER NOT NULL REFERENCES sections (id), student INTEGER NOT NULL REFERENCES students (id),
  begins_on TEXT, ends_on TEXT, status TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX enrollments_by_section ON enrollments (section);
CREATE INDEX enrollments_by_student ON enrollments (student);

CREATE TABLE staff_schools (
  owner INTEGER NOT NULL REFERENCES staff (id), position INTEGER NOT NULL,
  target INTEGER NOT NULL REFERENCES schools (id),
  PRIMARY KEY (owner, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_schools_by_target ON staff_schools (target);

CREATE TABLE section_terms (
  owner INTEGER NOT NULL REFERENCES sections (id), position INTEGER NOT NULL,
  target INTEGER NOT NULL REFERENCES terms (id),
  PRIMARY KEY (owner, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX section_terms_by_target ON section_terms (target);

CREATE TABLE section_instructors (
  owner INTEGER NOT NULL REFERENCES sections (id), position INTEGER NOT NULL,
  target INTEGER NOT NULL REFERENCES staff (id),
  PRIMARY KEY (owner, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX section_instructors_by_target ON section_instructors (target);

-- What each run or person did to each record: the image before and after, for history and undo.
CREATE TABLE changes (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  run_id INTEGER,
  integration TEXT NOT NULL,
  entity TEXT NOT NULL,
  external_id TEXT NOT NULL,
  internal_id INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('created', 'updated', 'restored')),
  before TEXT,
  after TEXT NOT NULL
) STRICT;
CREATE INDEX changes_by_run ON changes (run_id, id);
CREATE INDEX changes_by_record ON changes (internal_id, id);

CREATE TABLE conflicts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  integration TEXT NOT NULL REFERENCES integrations (name),
  entity TEXT NOT NULL,
  external_id TEXT NOT NULL,
  internal_id INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'settled', 'gone')),
  base TEXT NOT NULL,
  sis TEXT NOT NULL,
  local TEXT NOT NULL,
  sis_fingerprint TEXT NOT NULL,
  local_version INTEGER NOT NULL,
  opened_at_ms INTEGER NOT NULL,
  settled_at_ms INTEGER,
  settled_by TEXT,
  decision TEXT
) STRICT;
CREATE UNIQUE INDEX conflicts_one_open ON conflicts (integration, entity, external_id) WHERE status = 'open';
CREATE INDEX conflicts_by_status ON conflicts (status, id);

CREATE TABLE dead_records (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  integration TEXT NOT NULL REFERENCES integrations (name),
  entity TEXT NOT NULL,
  record_key TEXT NOT NULL,
  external_id TEXT,
  run_id INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'mended', 'discarded')),
  code TEXT NOT NULL,
  category TEXT NOT NULL,
  severity TEXT NOT NULL,
  field TEXT,
  reason TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 1,
  first_seen_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL,
  raw BLOB
) STRICT;
CREATE UNIQUE INDEX dead_records_one_open ON dead_records (integration, entity, record_key) WHERE status = 'open';
CREATE INDEX dead_records_by_cause ON dead_records (status, integration, entity, code, id);

-- Tokens and whatever else is secret are sealed before they come here; key_id says with which key.
CREATE TABLE tokens (
  integration TEXT PRIMARY KEY REFERENCES integrations (name),
  access BLOB,
  refresh BLOB,
  key_id TEXT,
  scope TEXT NOT NULL DEFAULT '',
  obtained_at_ms INTEGER,
  expires_at_ms INTEGER,
  refreshing_since_ms INTEGER,
  revoked_at_ms INTEGER,
  failures INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TABLE commands (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body)),
  actor TEXT NOT NULL,
  left_at_ms INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'refused')),
  answer TEXT NOT NULL DEFAULT '',
  run_id INTEGER,
  answered_at_ms INTEGER
) STRICT;
CREATE INDEX commands_pending ON commands (id) WHERE status = 'pending';

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
  integration TEXT,
  run_id INTEGER,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_run ON events (run_id, id);

-- Append only; each row's seal covers the row and the seal before it.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (json_valid(detail)),
  seal BLOB NOT NULL
) STRICT;
