-- Receivers of a message who will never have it, while others of its channel have: they are counted as lost.
ALTER TABLE outbox ADD COLUMN refused_by TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(refused_by));
