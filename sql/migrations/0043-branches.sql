-- a change that a restore took back is known by its id again where a later one brings it back

-- Each restore of an earlier state: its change, and behind which one it goes on. NULL: nobody knows.
CREATE TABLE node_restore (
	no {{INT}} NOT NULL PRIMARY KEY,
	after {{INT}} CHECK (after >= 0 AND after < no)
) {{STRICT}};

-- An id stands for one change of each branch.
CREATE TABLE node_key_new (
	name {{BLOB}} NOT NULL,
	change {{INT}} NOT NULL,
	hash {{BLOB}} CHECK (hash IS NULL OR length(hash) = 32), -- SHA-256 of its line; NULL: that is here
	PRIMARY KEY (name, change)
) {{WITHOUT_ROWID}};
INSERT INTO node_key_new (name, change, hash) SELECT name, change, hash FROM node_key;
DROP TABLE node_key;
ALTER TABLE node_key_new RENAME TO node_key;
CREATE INDEX node_key_unhashed ON node_key (change) WHERE hash IS NULL;
