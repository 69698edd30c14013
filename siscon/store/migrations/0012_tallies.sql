-- Sums that only grow, kept where they arise: retention takes old runs and events away, and what was counted stays.
-- A migration that makes one of these tables anew makes its triggers anew, too.
CREATE TABLE run_tallies (
  integration TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  runs INTEGER NOT NULL,
  PRIMARY KEY (integration, kind, status)
) STRICT, WITHOUT ROWID;
INSERT INTO run_tallies SELECT integration, kind, status, count(*) FROM runs
WHERE status IN ('completed', 'completed with warnings', 'completed with errors', 'failed', 'cancelled') GROUP BY 1, 2, 3;
CREATE TRIGGER runs_end_tallied AFTER UPDATE OF status ON runs WHEN NEW.status <> OLD.status AND NEW.status IN
  ('completed', 'completed with warnings', 'completed with errors', 'failed', 'cancelled')
BEGIN
  INSERT INTO run_tallies VALUES (NEW.integration, NEW.kind, NEW.status, 1)
  ON CONFLICT (integration, kind, status) DO UPDATE SET runs = runs + 1;
END;
CREATE TRIGGER runs_ended_at_once_tallied AFTER INSERT ON runs WHEN NEW.status IN
  ('completed', 'completed with warnings', 'completed with errors', 'failed', 'cancelled')
BEGIN
  INSERT INTO run_tallies VALUES (NEW.integration, NEW.kind, NEW.status, 1)
  ON CONFLICT (integration, kind, status) DO UPDATE SET runs = runs + 1;
END;

CREATE TABLE request_tallies (
  integration TEXT PRIMARY KEY,
  requests INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  throttled INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO request_tallies (integration, requests) SELECT integration, sum(requests) FROM runs GROUP BY integration;
UPDATE request_tallies SET (failed, throttled) = (
  SELECT coalesce(sum(m.failed), 0), coalesce(sum(m.throttled), 0)
  FROM runs r JOIN run_minutes m ON m.run_id = r.id WHERE r.integration = request_tallies.integration);
CREATE TRIGGER runs_requests_tallied AFTER UPDATE OF requests ON runs WHEN NEW.requests > OLD.requests
BEGIN
  INSERT INTO request_tallies (integration, requests) VALUES (NEW.integration, NEW.requests - OLD.requests)
  ON CONFLICT (integration) DO UPDATE SET requests = requests + excluded.requests;
END;
CREATE TRIGGER run_minutes_tallied AFTER INSERT ON run_minutes WHEN NEW.failed + NEW.throttled > 0
BEGIN
  INSERT INTO request_tallies (integration, failed, throttled)
  SELECT r.integration, NEW.failed, NEW.throttled FROM runs r WHERE r.id = NEW.run_id
  ON CONFLICT (integration) DO UPDATE SET failed = failed + excluded.failed, throttled = throttled + excluded.throttled;
END;
CREATE TRIGGER run_minutes_more_tallied AFTER UPDATE OF failed, throttled ON run_minutes
WHEN NEW.failed > OLD.failed OR NEW.throttled > OLD.throttled
BEGIN
  INSERT INTO request_tallies (integration, failed, throttled)
  SELECT r.integration, NEW.failed - OLD.failed, NEW.throttled - OLD.throttled FROM runs r WHERE r.id = NEW.run_id
  ON CONFLICT (integration) DO UPDATE SET failed = failed + excluded.failed, throttled = throttled + excluded.throttled;
END;

CREATE TABLE record_tallies (
  integration TEXT NOT NULL,
  entity TEXT NOT NULL,
  fetched INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  withdrawn INTEGER NOT NULL,
  conflict INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  PRIMARY KEY (integration, entity)
) STRICT, WITHOUT ROWID;
INSERT INTO record_tallies
SELECT r.integration, c.entity, sum(c.fetched), sum(c.created), sum(c.updated), sum(c.withdrawn), sum(c.conflict),
  sum(c.failed)
FROM runs r JOIN run_counts c ON c.run_id = r.id GROUP BY 1, 2;
-- Only what is more counts: a plan that is made anew sets its counts, it takes nothing back that was told.
CREATE TRIGGER run_counts_tallied AFTER UPDATE OF fetched, created, updated, withdrawn, conflict, failed ON run_counts
WHEN NEW.fetched > OLD.fetched OR NEW.created > OLD.created OR NEW.updated > OLD.updated
  OR NEW.withdrawn > OLD.withdrawn OR NEW.conflict > OLD.conflict OR NEW.failed > OLD.failed
BEGIN
  INSERT INTO record_tallies
  SELECT r.integration, NEW.entity, max(0, NEW.fetched - OLD.fetched), max(0, NEW.created - OLD.created),
    max(0, NEW.updated - OLD.updated), max(0, NEW.withdrawn - OLD.withdrawn), max(0, NEW.conflict - OLD.conflict),
    max(0, NEW.failed - OLD.failed)
  FROM runs r WHERE r.id = NEW.run_id
  ON CONFLICT (integration, entity) DO UPDATE SET fetched = fetched + excluded.fetched,
    created = created + excluded.created, updated = updated + excluded.updated,
    withdrawn = withdrawn + excluded.withdrawn, conflict = conflict + excluded.conflict,
    failed = failed + excluded.failed;
END;

CREATE TABLE event_tallies (
  kind TEXT NOT NULL,
  level TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (kind, level)
) STRICT, WITHOUT ROWID;
INSERT INTO event_tallies SELECT kind, level, count(*) FROM events GROUP BY 1, 2;
CREATE TRIGGER events_tallied AFTER INSERT ON events
BEGIN
  INSERT INTO event_tallies VALUES (NEW.kind, NEW.level, 1) ON CONFLICT (kind, level) DO UPDATE SET events = events + 1;
END;

CREATE TABLE webhook_tallies (
  integration TEXT NOT NULL,
  outcome TEXT NOT NULL,
  messages INTEGER NOT NULL,
  PRIMARY KEY (integration, outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO webhook_tallies SELECT integration, outcome, sum(n) FROM webhook_counts GROUP BY 1, 2;
CREATE TRIGGER webhook_counts_tallied AFTER INSERT ON webhook_counts
BEGIN
  INSERT INTO webhook_tallies VALUES (NEW.integration, NEW.outcome, NEW.n)
  ON CONFLICT (integration, outcome) DO UPDATE SET messages = messages + excluded.messages;
END;
CREATE TRIGGER webhook_counts_more_tallied AFTER UPDATE OF n ON webhook_counts WHEN NEW.n > OLD.n
BEGIN
  INSERT INTO webhook_tallies VALUES (NEW.integration, NEW.outcome, NEW.n - OLD.n)
  ON CONFLICT (integration, outcome) DO UPDATE SET messages = messages + excluded.messages;
END;
