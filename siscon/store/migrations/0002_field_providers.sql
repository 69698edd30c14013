-- Districts' own fields, schedules of full comparisons, what a login covers, and refresh tokens on their way.

ALTER TABLE schools ADD COLUMN custom TEXT;
ALTER TABLE terms ADD COLUMN custom TEXT;
ALTER TABLE staff ADD COLUMN custom TEXT;
ALTER TABLE students ADD COLUMN custom TEXT;
ALTER TABLE courses ADD COLUMN custom TEXT;
ALTER TABLE sections ADD COLUMN custom TEXT;
ALTER TABLE enrollments ADD COLUMN custom TEXT;

ALTER TABLE integrations ADD COLUMN full_schedule TEXT NOT NULL DEFAULT '';
ALTER TABLE integrations ADD COLUMN full_due_at_ms INTEGER;
-- What the last good run saw that the login covers, as JSON text by name; empty before the first.
ALTER TABLE integrations ADD COLUMN coverage TEXT NOT NULL DEFAULT '';
ALTER TABLE integrations ADD COLUMN removed_at_ms INTEGER;
-- Whose code reads it, with version and digest: a change is reported.
ALTER TABLE integrations ADD COLUMN package TEXT NOT NULL DEFAULT '';

ALTER TABLE runs ADD COLUMN coverage TEXT NOT NULL DEFAULT '';

-- Set before a refresh token is sent, taken back with the answer: if it is found later, the answer was lost.
ALTER TABLE tokens ADD COLUMN refresh_sent_at_ms INTEGER;
-- Why only a person can go on; empty while none is needed.
ALTER TABLE tokens ADD COLUMN needs_person TEXT NOT NULL DEFAULT '';

-- Secrets that siscon made for itself, sealed: the key of the audit's chain outlives every key of the vault.
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that were taken out of use when they protected nothing any more. Nobody seals with them again, not even an
-- engine that had its ciphertext ready before: what it wrote could never be opened.
CREATE TABLE retired_keys (
  id BLOB PRIMARY KEY,
  retired_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER tokens_retired_key_on_insert BEFORE INSERT ON tokens
WHEN EXISTS (SELECT 1 FROM retired_keys WHERE id IN (substr(NEW.access, 2, 8), substr(NEW.refresh, 2, 8)))
BEGIN SELECT RAISE(ABORT, 'sealed with a retired key'); END;
CREATE TRIGGER tokens_retired_key_on_update BEFORE UPDATE OF access, refresh ON tokens
WHEN EXISTS (SELECT 1 FROM retired_keys WHERE id IN (substr(NEW.access, 2, 8), substr(NEW.refresh, 2, 8)))
BEGIN SELECT RAISE(ABORT, 'sealed with a retired key'); END;
CREATE TRIGGER dead_records_retired_key_on_insert BEFORE INSERT ON dead_records
WHEN EXISTS (SELECT 1 FROM retired_keys WHERE id = substr(NEW.raw, 2, 8))
BEGIN SELECT RAISE(ABORT, 'sealed with a retired key'); END;
CREATE TRIGGER dead_records_retired_key_on_update BEFORE UPDATE OF raw ON dead_records
WHEN EXISTS (SELECT 1 FROM retired_keys WHERE id = substr(NEW.raw, 2, 8))
BEGIN SELECT RAISE(ABORT, 'sealed with a retired key'); END;
CREATE TRIGGER secrets_retired_key_on_insert BEFORE INSERT ON secrets
WHEN EXISTS (SELECT 1 FROM retired_keys WHERE id = substr(NEW.sealed, 2, 8))
BEGIN SELECT RAISE(ABORT, 'sealed with a retired key'); END;
CREATE TRIGGER secrets_retired_key_on_update BEFORE UPDATE OF sealed ON secrets
WHEN EXISTS (SELECT 1 FROM retired_keys WHERE id = substr(NEW.sealed, 2, 8))
BEGIN SELECT RAISE(ABORT, 'sealed with a retired key'); END;
