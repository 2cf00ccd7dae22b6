-- transactions that are followed

-- By whomever they were sent. hash is what somebody named; where an intent of this journal was,
-- any of its attempts counts as it. What is known of it is that of a block of the trail.
CREATE TABLE tracked (
	id {{ID}},
	chain {{INT}} NOT NULL REFERENCES chain (id),
	hash {{BLOB}} NOT NULL CHECK (length(hash) = 32),
	state {{INT}} NOT NULL,            -- src/engine/states.def
	intent {{INT}},                    -- of this journal
	guess {{INT}} NOT NULL CHECK (guess IN (0, 1)), -- 1: it is looked for on other chains, too
	confirmations {{INT}} NOT NULL,    -- that it takes
	sender {{BLOB}} CHECK (sender IS NULL OR length(sender) = 20),
	nonce {{INT}},                     -- with sender, what else would consume it is found by
	height {{INT}},                    -- of the block that has it, or what replaced it
	block_hash {{BLOB}} CHECK (block_hash IS NULL OR length(block_hash) = 32),
	by_hash {{BLOB}} CHECK (by_hash IS NULL OR length(by_hash) = 32), -- another one that did it
	round {{INT}} NOT NULL,            -- how often it was taken back, or came back
	percent {{INT}} NOT NULL,          -- of its confirmations that was told, in this round
	due {{INT}},                       -- the head at which more is to be told; NULL: none
	looks {{INT}},                     -- the head at which nodes were asked for it; 0: the runner does not
	                                   -- know of it yet, 1: they were not, NULL: they are not to be
	misses {{INT}} NOT NULL,           -- looks in a row in which no node knew it
	since_ms {{INT}} NOT NULL,         -- by the wall
	ended_ms {{INT}},                  -- NULL: it is followed
	UNIQUE (hash, chain),
	CHECK ((height IS NULL) = (block_hash IS NULL))
) {{STRICT}};
CREATE INDEX tracked_open ON tracked (chain, id) WHERE ended_ms IS NULL;
CREATE INDEX tracked_at ON tracked (chain, height) WHERE height IS NOT NULL;
CREATE INDEX tracked_due ON tracked (chain, due) WHERE due IS NOT NULL;
CREATE INDEX tracked_looks ON tracked (chain, looks) WHERE looks IS NOT NULL;
