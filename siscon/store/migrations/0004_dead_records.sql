-- What a person gave up stays given up as long as the SIS says the same of it: the digest of what it said.
ALTER TABLE dead_records ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_records ADD COLUMN settled_at_ms INTEGER;
ALTER TABLE dead_records ADD COLUMN settled_by TEXT;
ALTER TABLE dead_records ADD COLUMN settled_why TEXT NOT NULL DEFAULT '';
CREATE INDEX dead_records_by_key ON dead_records (integration, entity, record_key, digest) WHERE digest <> '';
