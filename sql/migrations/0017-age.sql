-- which -wal a commit is in

-- SQLite's number of the -wal that the last commit was written to: one more each time that it
-- begins anew. 0: nobody wrote it down, or the database has none.
ALTER TABLE journal ADD COLUMN age {{INT}} NOT NULL DEFAULT 0;
