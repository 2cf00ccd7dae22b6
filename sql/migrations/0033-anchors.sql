-- what a node of a layer 2 has seen of Bitcoin: blocks, its anchors there, and reorgs

-- One row, as soon as there is something to know: the chain that the heights below are of, and
-- the number of the next reorg.
CREATE TABLE node_watch (
	id {{INT}} NOT NULL PRIMARY KEY CHECK (id = 1),
	chain {{INT}} REFERENCES chain (id), -- NULL: none was followed yet
	reorgs {{INT}} NOT NULL CHECK (reorgs >= 0),
	moves {{INT}} NOT NULL CHECK (moves >= 0) -- the highest `moved` below: the reorg database is told in this order
) {{STRICT}};

-- The highest blocks of that chain that a quorum agreed on; what the next ones are compared with.
CREATE TABLE node_block (
	height {{INT}} NOT NULL PRIMARY KEY CHECK (height >= 0),
	hash {{BLOB}} NOT NULL CHECK (length(hash) = 32),
	moved {{INT}} NOT NULL
) {{STRICT}};
CREATE INDEX node_block_moved ON node_block (moved);

-- Roots of the state that are, or are to be, in a transaction of that chain.
CREATE TABLE node_anchor (
	id {{ID}},
	hash {{BLOB}} NOT NULL UNIQUE CHECK (length(hash) = 32), -- of the payload
	root {{BLOB}} NOT NULL CHECK (length(root) = 32),
	payload {{BLOB}},                  -- what is hashed; NULL: it is known by its hash alone
	made_ms {{INT}} NOT NULL,          -- by the wall
	status {{INT}} NOT NULL CHECK (status BETWEEN 0 AND 3), -- src/engine/states.def
	txid {{BLOB}} CHECK (txid IS NULL OR length(txid) = 32), -- NULL: it waits for a transaction
	broadcast_ms {{INT}},
	retries {{INT}} NOT NULL CHECK (retries >= 0),
	height {{INT}} CHECK (height >= 0), -- of the last block that had it
	block_hash {{BLOB}} CHECK (block_hash IS NULL OR length(block_hash) = 32), -- NULL: none has it now
	confirmations {{INT}} NOT NULL CHECK (confirmations >= 0), -- as far as they are counted
	moved {{INT}} NOT NULL,
	CHECK (height IS NOT NULL OR block_hash IS NULL),
	CHECK (block_hash IS NOT NULL OR confirmations = 0 OR payload IS NULL)
) {{STRICT}};
CREATE INDEX node_anchor_tx ON node_anchor (txid) WHERE txid IS NOT NULL;
CREATE INDEX node_anchor_at ON node_anchor (height) WHERE height IS NOT NULL;
CREATE INDEX node_anchor_moved ON node_anchor (moved);
CREATE INDEX node_anchor_counting ON node_anchor (id) WHERE block_hash IS NOT NULL AND confirmations < 100;
CREATE INDEX node_anchor_late ON node_anchor (broadcast_ms) WHERE status = 0 AND block_hash IS NULL;

CREATE TABLE node_reorg (
	number {{INT}} NOT NULL PRIMARY KEY CHECK (number >= 0),
	height {{INT}} NOT NULL CHECK (height >= 0), -- the lowest that has another block now
	old_hash {{BLOB}} CHECK (old_hash IS NULL OR length(old_hash) = 32),
	new_hash {{BLOB}} CHECK (new_hash IS NULL OR length(new_hash) = 32), -- NULL: the chain was shorter then
	detected_ms {{INT}} NOT NULL,
	moved {{INT}} NOT NULL
) {{STRICT}};
CREATE INDEX node_reorg_moved ON node_reorg (moved);

CREATE TABLE node_reorg_anchor (
	reorg {{INT}} NOT NULL REFERENCES node_reorg (number),
	hash {{BLOB}} NOT NULL CHECK (length(hash) = 32),
	PRIMARY KEY (reorg, hash)
) {{WITHOUT_ROWID}};
