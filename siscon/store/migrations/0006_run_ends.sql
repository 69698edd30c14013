-- The screens draw how the imports of the last days ended: found by integration and moment, however many runs there are.

CREATE INDEX runs_by_end ON runs (integration, finished_at_ms);
