-- Copies of a journal, and whether this one may be older than what was sent.
ALTER TABLE journal ADD COLUMN doubt TEXT;    -- why it may be, for a person; NULL: it is not
ALTER TABLE journal ADD COLUMN marked {{INT}} NOT NULL DEFAULT 0
	CHECK (marked IN (0, 1));             -- 1: a copy that `pawl backup` made
ALTER TABLE journal ADD COLUMN base {{INT}} NOT NULL DEFAULT 0;
                                              -- the commit that the database surely had when
                                              -- its -wal began
ALTER TABLE journal ADD COLUMN born {{INT}} NOT NULL DEFAULT 0;
                                              -- when its file was made, by the file system;
                                              -- 0: it does not say
