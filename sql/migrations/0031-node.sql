-- the state of a layer 2: what a node of it has to know

-- One row. minted less burned is what lies in balances and escrows; digest is over all rows of
-- the five tables below it, whatever their order.
CREATE TABLE node_total (
	id {{INT}} NOT NULL PRIMARY KEY CHECK (id = 1),
	minted {{BLOB}} NOT NULL CHECK (length(minted) = 32),
	burned {{BLOB}} NOT NULL CHECK (length(burned) = 32),
	balance_sum {{BLOB}} NOT NULL CHECK (length(balance_sum) = 32),
	escrow_sum {{BLOB}} NOT NULL CHECK (length(escrow_sum) = 32),
	balances {{INT}} NOT NULL CHECK (balances >= 0),
	escrows {{INT}} NOT NULL CHECK (escrows >= 0),
	pegins {{INT}} NOT NULL CHECK (pegins >= 0),
	pegouts {{INT}} NOT NULL CHECK (pegouts >= 0),
	tasks {{INT}} NOT NULL CHECK (tasks >= 0),
	digest {{BLOB}} NOT NULL CHECK (length(digest) = 32),
	changes {{INT}} NOT NULL,     -- the newest of node_change, and SHA-256 over all of them
	link {{BLOB}} NOT NULL CHECK (length(link) = 32),
	unsure {{INT}} NOT NULL,      -- up to this one nobody knows which are part of what was restored
	CHECK (burned <= minted)
) {{STRICT}};

-- Ids are bytes, and sorted as such. Amounts and times are 64 bits without a sign, as those of an
-- integer that has one. Times of pegs are seconds, the others milliseconds.
CREATE TABLE node_balance (
	peer {{BLOB}} NOT NULL PRIMARY KEY CHECK (length(peer) BETWEEN 1 AND 256),
	amount {{INT}} NOT NULL CHECK (amount <> 0)
) {{WITHOUT_ROWID}};

CREATE TABLE node_escrow (
	task {{BLOB}} NOT NULL PRIMARY KEY,
	client {{BLOB}} NOT NULL,
	amount {{INT}} NOT NULL CHECK (amount <> 0),
	locked {{INT}} NOT NULL CHECK (locked IN (0, 1)),
	created_ms {{INT}} NOT NULL
) {{WITHOUT_ROWID}};

CREATE TABLE node_pegin (
	id {{BLOB}} NOT NULL PRIMARY KEY,
	btc_tx {{BLOB}} NOT NULL,
	vout {{INT}} NOT NULL,
	amount {{INT}} NOT NULL,
	source {{BLOB}} NOT NULL,
	dest {{BLOB}} NOT NULL,
	status {{INT}} NOT NULL,      -- src/engine/states.def
	confirmations {{INT}} NOT NULL,
	initiated_s {{INT}} NOT NULL,
	completed_s {{INT}} NOT NULL,
	UNIQUE (btc_tx, vout)         -- what an output gives is minted once
) {{WITHOUT_ROWID}};

CREATE TABLE node_pegout (
	id {{BLOB}} NOT NULL PRIMARY KEY,
	source {{BLOB}} NOT NULL,
	dest {{BLOB}} NOT NULL,
	burn {{INT}} NOT NULL,
	release {{INT}} NOT NULL,
	status {{INT}} NOT NULL,      -- src/engine/states.def
	anchor {{BLOB}} NOT NULL,     -- its hash in hex; empty: none yet
	initiated_s {{INT}} NOT NULL,
	completed_s {{INT}} NOT NULL
) {{WITHOUT_ROWID}};

CREATE TABLE node_task (
	id {{BLOB}} NOT NULL PRIMARY KEY,
	type {{INT}} NOT NULL,
	priority {{INT}} NOT NULL,
	submitter {{BLOB}} NOT NULL,
	submitted_ms {{INT}} NOT NULL,
	payload_hash {{BLOB}} NOT NULL,
	anchor {{BLOB}} NOT NULL
) {{WITHOUT_ROWID}};

-- All that was ever asked of it, in its order.
CREATE TABLE node_change (
	no {{INT}} NOT NULL PRIMARY KEY,
	at_ms {{INT}} NOT NULL,
	line {{BLOB}} NOT NULL        -- as JSON, in one form of many
) {{STRICT}};

-- What a change is called by who sends it, so that it is done once.
CREATE TABLE node_key (
	name {{BLOB}} NOT NULL PRIMARY KEY,
	change {{INT}} NOT NULL REFERENCES node_change (no)
) {{WITHOUT_ROWID}};

-- Behind which change the state had a root: whoever restores it knows what came after.
CREATE TABLE node_root (
	root {{BLOB}} NOT NULL PRIMARY KEY CHECK (length(root) = 32),
	change {{INT}} NOT NULL,
	at_ms {{INT}} NOT NULL
) {{WITHOUT_ROWID}};
