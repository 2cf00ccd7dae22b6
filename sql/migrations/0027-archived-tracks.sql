-- what was told of transactions that are followed no more goes into files

-- A file holds many. Its rows are chosen first, so that who writes it again writes the same.
CREATE TABLE track_archive (
	id {{ID}},
	file TEXT,                       -- its name, beside the journal; NULL: it is being written
	sum {{BLOB}} CHECK (length(sum) = 32), -- SHA-256 of the file
	size {{INT}},
	at_ms {{INT}} NOT NULL,
	whole {{INT}} NOT NULL CHECK (whole IN (0, 1)), -- 1: what it holds is gone from here
	CHECK ((file IS NULL) = (sum IS NULL))
) {{STRICT}};
ALTER TABLE tracked ADD COLUMN archive {{INT}} REFERENCES track_archive (id);
CREATE INDEX tracked_by_archive ON tracked (archive) WHERE archive IS NOT NULL;
CREATE INDEX tracked_ended ON tracked (ended_ms) WHERE ended_ms IS NOT NULL AND archive IS NULL;
