-- the journal itself
-- One row: who this journal is, and what its last commit was. Compared at every start.
CREATE TABLE journal (
	id {{INT}} PRIMARY KEY CHECK (id = 1),
	name {{BLOB}} NOT NULL CHECK (length(name) = 16),
	commit_no {{INT}} NOT NULL,
	events {{INT}} NOT NULL,
	link {{BLOB}} NOT NULL CHECK (length(link) = 32),
	inode {{INT}} NOT NULL,
	device {{INT}} NOT NULL,
	boot TEXT NOT NULL
) {{STRICT}};

-- One row: the process that may write. Its epoch is compared first in every transaction.
CREATE TABLE owner (
	id {{INT}} PRIMARY KEY CHECK (id = 1),
	epoch {{INT}} NOT NULL,
	commit_no {{INT}} NOT NULL,
	pid {{INT}} NOT NULL,
	host TEXT NOT NULL,
	since_ms {{INT}} NOT NULL
) {{STRICT}};

-- Which changes of these tables were made, and from which text.
CREATE TABLE migration (
	id {{INT}} PRIMARY KEY,
	name TEXT NOT NULL,
	sum {{BLOB}} NOT NULL CHECK (length(sum) = 32),
	at_ms {{INT}} NOT NULL,
	version TEXT NOT NULL
) {{STRICT}};

-- Who moved what, and why; only ever added to. Ids count from 1 without a gap.
CREATE TABLE event (
	id {{INT}} PRIMARY KEY,
	commit_no {{INT}} NOT NULL,
	operation {{INT}} NOT NULL,
	row {{INT}} NOT NULL,
	what TEXT NOT NULL,
	from_state TEXT NOT NULL,
	to_state TEXT NOT NULL,
	why TEXT NOT NULL
) {{STRICT}};
CREATE INDEX event_row ON event (operation, row);

-- The chain over an operation's events: one link for each commit that touched it.
CREATE TABLE link (
	operation {{INT}} NOT NULL,
	commit_no {{INT}} NOT NULL,
	hash {{BLOB}} NOT NULL CHECK (length(hash) = 32),
	at_ms {{INT}} NOT NULL,
	PRIMARY KEY (operation, commit_no)
) {{WITHOUT_ROWID}};
CREATE UNIQUE INDEX link_commit ON link (commit_no, operation);
