-- Runs of one integration in several lanes: which of two asked the SIS later, and how far a retry has read a list.

-- A number for each beginning and end of reading, so that no clock is asked which came first.
INSERT INTO sequences (name, next) VALUES ('reading', 1);
ALTER TABLE run_counts ADD COLUMN read_from INTEGER;
ALTER TABLE run_counts ADD COLUMN read_to INTEGER;

-- Records of which another run has applied what it fetched, while this run had begun to fetch the same list.
CREATE TABLE overtaken (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  external_id TEXT NOT NULL,
  PRIMARY KEY (run_id, entity, external_id)
) STRICT, WITHOUT ROWID;

-- The cursors are those of imports; this is how far a run that tries single records again has read a list.
CREATE TABLE walks (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  entity TEXT NOT NULL,
  resume TEXT,
  complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
  partial INTEGER NOT NULL DEFAULT 0 CHECK (partial IN (0, 1)),
  PRIMARY KEY (run_id, entity)
) STRICT, WITHOUT ROWID;
