-- what no node has shown expires by the time in which nodes were asked for it

-- How long a chain's nodes have been asked, and a quorum answered, in all lives; and when that was for
-- a row, as it was missed first since it was there. NULL: it was not missed yet.
ALTER TABLE chain ADD COLUMN looked_ms {{INT}} NOT NULL DEFAULT 0;
ALTER TABLE tracked ADD COLUMN missed_ms {{INT}};
