-- Messages that senders have told us and that were proved: what to fetch because of them, and the memory against repeats.
CREATE TABLE webhook_inbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  integration TEXT NOT NULL,
  key TEXT NOT NULL,
  digest BLOB NOT NULL,
  event TEXT NOT NULL,
  hints TEXT NOT NULL CHECK (json_valid(hints)),
  sent_at_ms INTEGER,
  arrived_at_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'taken', 'done', 'ignored', 'given up')),
  run_id INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  due_at_ms INTEGER NOT NULL DEFAULT 0,
  UNIQUE (integration, key)
) STRICT;
CREATE INDEX webhook_inbox_open ON webhook_inbox (integration, state, id) WHERE state IN ('waiting', 'taken');

-- What was forgotten of an integration was sent until this moment: nothing so old is taken again, whatever the clock says.
CREATE TABLE webhook_floors (
  integration TEXT PRIMARY KEY,
  sent_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What became of all messages, those refused among them, by the minute. told: an engine has reported these refusals.
CREATE TABLE webhook_counts (
  minute INTEGER NOT NULL,
  integration TEXT NOT NULL,
  outcome TEXT NOT NULL,
  n INTEGER NOT NULL,
  told INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (minute, integration, outcome)
) STRICT, WITHOUT ROWID;
