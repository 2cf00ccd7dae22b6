-- operations whose rows went into a file

-- Who made it is an event of the journal itself: of operation 0, and row the operation.
CREATE TABLE archive (
	operation {{INT}} NOT NULL PRIMARY KEY REFERENCES operation (id),
	file TEXT NOT NULL,              -- its name, beside the journal
	sum {{BLOB}} NOT NULL CHECK (length(sum) = 32), -- SHA-256 of the file
	size {{INT}} NOT NULL,
	link {{BLOB}} NOT NULL CHECK (length(link) = 32), -- the operation's last one..
	commit_no {{INT}} NOT NULL,      -- ..and whose it is
	height {{INT}} NOT NULL,         -- of the highest block that it is in; 0: none
	at_ms {{INT}} NOT NULL,
	whole {{INT}} NOT NULL CHECK (whole IN (0, 1)) -- 0: its rows are still going
) {{STRICT}};

-- What stays of its attempts: bytes that are known for ever, and nonces that are used.
CREATE TABLE archived_attempt (
	account {{INT}} NOT NULL REFERENCES account (id),
	hash {{BLOB}} NOT NULL,
	nonce {{INT}},
	shared_nonce {{INT}},
	operation {{INT}} NOT NULL REFERENCES operation (id),
	row {{INT}} NOT NULL,
	empty {{INT}} NOT NULL,
	PRIMARY KEY (account, hash)
) {{WITHOUT_ROWID}};
CREATE INDEX archived_attempt_by_nonce ON archived_attempt (account, nonce);
CREATE INDEX archived_attempt_shared ON archived_attempt (account, shared_nonce)
	WHERE shared_nonce IS NOT NULL;

-- Ids of events that are in archives: the others go on without a gap.
CREATE TABLE archived_event (
	first {{INT}} NOT NULL PRIMARY KEY,
	last {{INT}} NOT NULL UNIQUE
) {{STRICT}};
