-- Named schedules: each with its own next moment; every moment that started a run, once; what was missed and why.
CREATE TABLE schedules (
  integration TEXT NOT NULL REFERENCES integrations (name),
  name TEXT NOT NULL,
  line TEXT NOT NULL,
  zone TEXT NOT NULL,
  starts TEXT NOT NULL CHECK (starts IN ('changes', 'full')),
  entities TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(entities)),
  jitter_s INTEGER NOT NULL DEFAULT 0,
  missed TEXT NOT NULL DEFAULT 'once' CHECK (missed IN ('skip', 'once', 'each')),
  busy TEXT NOT NULL DEFAULT 'wait' CHECK (busy IN ('wait', 'skip')),
  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  due_at_ms INTEGER,
  start_at_ms INTEGER,
  held_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (integration, name)
) STRICT, WITHOUT ROWID;

-- A moment of a schedule starts at most one run: whoever enters it here first, in the transaction that queues the run.
CREATE TABLE schedule_runs (
  integration TEXT NOT NULL,
  schedule TEXT NOT NULL,
  fire_at_ms INTEGER NOT NULL,
  run_id INTEGER REFERENCES runs (id) ON DELETE SET NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (integration, schedule, fire_at_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_runs_by_run ON schedule_runs (run_id);

CREATE TABLE schedule_misses (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  integration TEXT NOT NULL,
  schedule TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  moments INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX schedule_misses_by_time ON schedule_misses (at_ms);

-- The windows in which schedules start nothing, as configured, for the screens; and what was said of each of their times.
CREATE TABLE blackouts (
  integration TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body)),
  PRIMARY KEY (integration, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE blackout_news (
  integration TEXT NOT NULL,
  name TEXT NOT NULL,
  begin_ms INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  what TEXT NOT NULL,
  PRIMARY KEY (integration, name, begin_ms, what)
) STRICT, WITHOUT ROWID;

ALTER TABLE runs ADD COLUMN schedule TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN pause_requested_by TEXT;
ALTER TABLE runs ADD COLUMN resume_at_ms INTEGER;
ALTER TABLE integrations ADD COLUMN paused_until_ms INTEGER;

-- What was armed stays armed: what was due while the new version was put in place is made up for.
INSERT INTO schedules (integration, name, line, zone, starts, due_at_ms, start_at_ms)
SELECT name, 'main', schedule, '', 'changes', next_due_at_ms, next_due_at_ms FROM integrations WHERE schedule <> '';
INSERT INTO schedules (integration, name, line, zone, starts, due_at_ms, start_at_ms)
SELECT name, 'full', full_schedule, '', 'full', full_due_at_ms, full_due_at_ms FROM integrations WHERE full_schedule <> '';
UPDATE runs SET schedule = 'main' WHERE due_at_ms IS NOT NULL;
INSERT INTO schedule_runs (integration, schedule, fire_at_ms, run_id, at_ms)
SELECT integration, 'main', due_at_ms, id, queued_at_ms FROM runs WHERE due_at_ms IS NOT NULL AND kind = 'import';
INSERT INTO schedule_misses (integration, schedule, at_ms, moments, text)
SELECT integration, 'main', at_ms, 1, text FROM events WHERE kind = 'schedule missed' AND integration IS NOT NULL;

DROP INDEX runs_once_when_due;
CREATE UNIQUE INDEX runs_once_when_due ON runs (integration, kind, schedule, due_at_ms) WHERE due_at_ms IS NOT NULL;
ALTER TABLE integrations DROP COLUMN full_schedule;
ALTER TABLE integrations DROP COLUMN full_due_at_ms;
