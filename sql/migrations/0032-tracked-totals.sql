-- how many transactions are followed

-- By state and chain, in the commit of each move: nobody counts a million rows to tell of them.
CREATE TABLE tracked_total (
	chain {{INT}} NOT NULL REFERENCES chain (id),
	state {{INT}} NOT NULL,            -- src/engine/states.def
	n {{INT}} NOT NULL,
	PRIMARY KEY (chain, state)
) {{STRICT}};
INSERT INTO tracked_total (chain, state, n) SELECT chain, state, COUNT(*) FROM tracked GROUP BY chain, state;
-- What no node has shown, oldest first.
CREATE INDEX tracked_unseen ON tracked (chain, since_ms) WHERE state = 0 AND ended_ms IS NULL;
