-- The columns of the key come first: of a table without rowid where another stands between them SQLite 3.40, which
-- Debian 12 has, says at each check that this one is NULL. So no backup was made once a window had been announced.
CREATE TABLE blackout_news_anew (
  integration TEXT NOT NULL,
  name TEXT NOT NULL,
  begin_ms INTEGER NOT NULL,
  what TEXT NOT NULL,
  end_ms INTEGER NOT NULL,
  PRIMARY KEY (integration, name, begin_ms, what)
) STRICT, WITHOUT ROWID;
INSERT INTO blackout_news_anew SELECT integration, name, begin_ms, what, end_ms FROM blackout_news;
DROP TABLE blackout_news;
ALTER TABLE blackout_news_anew RENAME TO blackout_news;
