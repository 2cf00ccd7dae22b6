-- changes of a layer 2 go into files

-- What a change is called by stays for ever, with what it was: its line may be in a file.
CREATE TABLE node_key_new (
	name {{BLOB}} NOT NULL PRIMARY KEY,
	change {{INT}} NOT NULL,
	hash {{BLOB}} CHECK (hash IS NULL OR length(hash) = 32) -- SHA-256 of its line; NULL: that is here
) {{WITHOUT_ROWID}};
INSERT INTO node_key_new (name, change) SELECT name, change FROM node_key;
DROP TABLE node_key;
ALTER TABLE node_key_new RENAME TO node_key;
CREATE INDEX node_key_unhashed ON node_key (change) WHERE hash IS NULL;

-- Those up to this one are gone, and SHA-256 over them, as link is over all. NULL: none is.
ALTER TABLE node_total ADD COLUMN base {{INT}} NOT NULL DEFAULT 0;
ALTER TABLE node_total ADD COLUMN base_link {{BLOB}} CHECK (base_link IS NULL OR length(base_link) = 32);

-- The change by which it came here. NULL: it came otherwise, or before this was kept.
ALTER TABLE node_anchor ADD COLUMN change {{INT}};

-- A file of changes. Which they are is decided first, so that who writes it again writes the same.
CREATE TABLE node_archive (
	id {{ID}},
	first {{INT}} NOT NULL,
	last {{INT}} NOT NULL UNIQUE,
	link {{BLOB}} NOT NULL CHECK (length(link) = 32), -- behind the last, by the event of its commit
	file TEXT,                       -- its name, beside the journal; NULL: it is being written
	sum {{BLOB}} CHECK (length(sum) = 32), -- SHA-256 of the file
	size {{INT}},
	at_ms {{INT}} NOT NULL,
	whole {{INT}} NOT NULL CHECK (whole IN (0, 1)), -- 1: what it holds is gone from here
	CHECK (first <= last),
	CHECK ((file IS NULL) = (sum IS NULL))
) {{STRICT}};
