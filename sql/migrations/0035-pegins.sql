-- in which block the transaction of a peg-in is

-- Of every peg-in of the state, as nodes print it. What was seen stays, whatever became of it.
CREATE TABLE node_pegin_tx (
	tx {{BLOB}} NOT NULL PRIMARY KEY CHECK (length(tx) = 64),
	height {{INT}} CHECK (height >= 0), -- of the last block that had it; NULL: none was seen
	block_hash {{BLOB}} CHECK (block_hash IS NULL OR length(block_hash) = 32), -- NULL: none has it now
	looked {{INT}} NOT NULL CHECK (looked IN (0, 1)), -- 0: the blocks that are at hand were not asked yet
	CHECK (height IS NOT NULL OR block_hash IS NULL)
) {{WITHOUT_ROWID}};
CREATE INDEX node_pegin_tx_wanted ON node_pegin_tx (tx) WHERE looked = 0;
CREATE INDEX node_pegin_tx_at ON node_pegin_tx (height) WHERE block_hash IS NOT NULL;
CREATE INDEX node_pegin_tx_gone ON node_pegin_tx (tx) WHERE height IS NOT NULL AND block_hash IS NULL;
-- What may yet be minted.
CREATE INDEX node_pegin_open ON node_pegin (btc_tx) WHERE status <= 2;
INSERT INTO node_pegin_tx (tx, looked)
SELECT DISTINCT btc_tx, 0 FROM node_pegin WHERE length(btc_tx) = 64;
