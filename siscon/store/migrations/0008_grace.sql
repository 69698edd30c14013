-- A request may wait until a moment before it is carried out, and may be taken back until then. A state more needs
-- the table anew: what a column may hold cannot be changed in place.
CREATE TABLE commands_anew (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body)),
  actor TEXT NOT NULL,
  left_at_ms INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'refused', 'taken_back')),
  answer TEXT NOT NULL DEFAULT '',
  run_id INTEGER,
  answered_at_ms INTEGER
) STRICT;
INSERT INTO commands_anew (id, kind, body, actor, left_at_ms, status, answer, run_id, answered_at_ms)
SELECT id, kind, body, actor, left_at_ms, status, answer, run_id, answered_at_ms FROM commands;
DROP TABLE commands;
ALTER TABLE commands_anew RENAME TO commands;
CREATE INDEX commands_pending ON commands (id) WHERE status = 'pending';
