-- people say that a peg-in which was minted, and has nothing behind it, is settled

CREATE TABLE node_settled (
	id {{BLOB}} NOT NULL PRIMARY KEY, -- of the peg-in
	change {{INT}} NOT NULL CHECK (change > 0), -- that says so
	at_ms {{INT}} NOT NULL,
	why {{BLOB}} NOT NULL -- who, and how
) {{WITHOUT_ROWID}};
