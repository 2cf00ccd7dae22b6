-- keys by which who asks makes sure that it is done once

-- What a key of a client stands for, for ever: written in the commit of its effect.
CREATE TABLE request_key (
	scope TEXT NOT NULL,             -- the name of his token; '': the owner's socket
	name TEXT NOT NULL,
	command {{BLOB}} NOT NULL CHECK (length(command) = 32), -- its hash
	members TEXT NOT NULL,           -- a line each: its name, and 8 bytes of its value's hash
	operation {{INT}},               -- that it led to; NULL: to none
	status {{INT}} NOT NULL,         -- of HTTP
	answer TEXT NOT NULL,            -- JSON
	at_ms {{INT}} NOT NULL,          -- by the wall
	PRIMARY KEY (scope, name)
) {{WITHOUT_ROWID}};
