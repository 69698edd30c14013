-- When each phase of a run began, and what it asked and got in each minute: what its picture is drawn from.

CREATE TABLE run_phases (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  phase TEXT NOT NULL CHECK (phase IN ('fetch', 'plan', 'apply')),
  began_at_ms INTEGER NOT NULL,
  PRIMARY KEY (run_id, phase)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_minutes (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  minute INTEGER NOT NULL,
  requests INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  throttled INTEGER NOT NULL DEFAULT 0,
  records INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, minute)
) STRICT, WITHOUT ROWID;
