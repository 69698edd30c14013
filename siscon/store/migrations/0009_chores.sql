-- What one engine does for the whole installation from time to time: when each is due next, and what came of the last.
CREATE TABLE chores (
  name TEXT PRIMARY KEY,
  due_at_ms INTEGER NOT NULL,
  last_at_ms INTEGER,
  last_took_ms INTEGER,
  last_ok INTEGER CHECK (last_ok IN (0, 1)),
  last_told TEXT NOT NULL DEFAULT '',
  last_good_at_ms INTEGER
) STRICT, WITHOUT ROWID;
