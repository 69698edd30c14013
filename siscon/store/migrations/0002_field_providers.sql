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

ALTER TABLE runs ADD COLUMN coverage TEXT NOT NULL DEFAULT '';

-- Set before a refresh token is sent, taken back with the answer: if it is found later, the answer was lost.
ALTER TABLE tokens ADD COLUMN refresh_sent_at_ms INTEGER;
-- Why only a person can go on; empty while none is needed.
ALTER TABLE tokens ADD COLUMN needs_person TEXT NOT NULL DEFAULT '';
