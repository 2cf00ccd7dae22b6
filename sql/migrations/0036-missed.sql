-- blocks that a node of a layer 2 has not read, and is to

-- Runs of them, read from the highest one down: each names the one below it, so what is read is
-- the chain's as surely as the first one is.
CREATE TABLE node_missed (
	top {{INT}} NOT NULL PRIMARY KEY,
	bottom {{INT}} NOT NULL CHECK (bottom BETWEEN 0 AND top),
	hash {{BLOB}} NOT NULL CHECK (length(hash) = 32), -- of the one at top
	reorg {{INT}} REFERENCES node_reorg (number) -- by which it goes on below where it began; NULL: it does not
) {{STRICT}};
