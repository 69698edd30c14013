-- What went wrong and is told to people: one row for each episode of a cause, from its begin until its end was told.
CREATE TABLE notices (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL,
  integration TEXT,
  trouble TEXT NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('warning', 'error', 'urgent')),
  state TEXT NOT NULL CHECK (state IN ('open', 'notified', 'changed', 'recovered', 'closed')),
  text TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  count INTEGER NOT NULL DEFAULT 1,
  classes TEXT NOT NULL CHECK (json_valid(classes)),
  tell_from_ms INTEGER NOT NULL,
  tellings INTEGER NOT NULL DEFAULT 0,
  told_count INTEGER NOT NULL DEFAULT 0,
  told_at_ms INTEGER,
  channels TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(channels)),
  over_at_ms INTEGER,
  muted_until_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX notices_one_open ON notices (key) WHERE state <> 'closed';
CREATE INDEX notices_by_end ON notices (over_at_ms) WHERE state = 'closed';

-- How far the events have been looked at: what was reported before this table was made is told to nobody.
CREATE TABLE notice_watch (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  event_id INTEGER NOT NULL,
  looked_at_ms INTEGER NOT NULL DEFAULT 0,
  digest_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO notice_watch (id, event_id) SELECT 1, coalesce(max(id), 0) FROM events;

-- Messages on their way to people. The key makes one message of several tries to put it; uid names it to the receiver,
-- the same at each attempt. left_to: of several receivers those that still wait, empty: all.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel TEXT NOT NULL,
  key TEXT NOT NULL,
  uid TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  html TEXT NOT NULL DEFAULT '',
  data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(data)),
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused', 'given up', 'dropped')),
  left_to TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(left_to)),
  attempts INTEGER NOT NULL DEFAULT 0,
  put_at_ms INTEGER NOT NULL,
  next_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  error TEXT NOT NULL DEFAULT '',
  UNIQUE (channel, key)
) STRICT;
CREATE INDEX outbox_waiting ON outbox (channel, next_at_ms, id) WHERE state = 'waiting';
CREATE INDEX outbox_ended ON outbox (ended_at_ms) WHERE state <> 'waiting';

-- How each channel is: failing since when, and not tried again before a moment.
CREATE TABLE channels (
  name TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  failing_since_ms INTEGER,
  not_before_ms INTEGER NOT NULL DEFAULT 0,
  gather_until_ms INTEGER NOT NULL DEFAULT 0,
  last_good_at_ms INTEGER,
  last_error TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
