-- What a person gave up stays given up as long as the SIS says the same of it: the digest of what it said.
ALTER TABLE dead_records ADD COLUMN digest TEXT NOT NULL DEFAULT '';
-- What raw holds: a row as the SIS sent it, or the fields of a record as we read it. Empty: nobody knows any more.
ALTER TABLE dead_records ADD COLUMN form TEXT NOT NULL DEFAULT '' CHECK (form IN ('', 'wire', 'fields'));
-- A piece of a record: the record itself goes through without it.
ALTER TABLE dead_records ADD COLUMN part TEXT NOT NULL DEFAULT '';
-- The fields that a person put in its place, sealed; they count as long as the SIS says the same.
ALTER TABLE dead_records ADD COLUMN mended BLOB;
ALTER TABLE dead_records ADD COLUMN settled_at_ms INTEGER;
ALTER TABLE dead_records ADD COLUMN settled_by TEXT;
ALTER TABLE dead_records ADD COLUMN settled_why TEXT NOT NULL DEFAULT '';
CREATE INDEX dead_records_by_key ON dead_records (integration, entity, record_key, digest) WHERE digest <> '';
