-- The engine's tables: chains and their trail, accounts, operations, items,
-- intents, attempts. What the promise forbids, a constraint here forbids.
--
-- Amounts are 32-byte big-endian blobs. Heights, nonces, gas and fees per gas fit
-- 63 bits (checked before they are written). States are the numbers of
-- src/engine/states.def and never renumbered.

CREATE TABLE chain (
	id {{ID}},
	kind TEXT NOT NULL,
	chain_id {{INT}} NOT NULL,
	genesis {{BLOB}} NOT NULL,
	name TEXT NOT NULL,              -- the configuration's word for it, last seen
	final_height {{INT}},            -- NULL: nothing agreed yet
	stopped TEXT,                    -- why it takes no new intents; NULL: it does
	UNIQUE (chain_id, genesis)
) {{STRICT}};

-- Dense from the last final block to the head; some final ones below are kept, so
-- that the common ancestor can be named when a final block vanishes.
CREATE TABLE block (
	chain {{INT}} NOT NULL REFERENCES chain (id),
	height {{INT}} NOT NULL,
	hash {{BLOB}} NOT NULL,
	parent {{BLOB}} NOT NULL,
	base_fee {{INT}} NOT NULL,
	PRIMARY KEY (chain, height)
) {{STRICT}};

CREATE TABLE account (
	id {{ID}},
	chain {{INT}} NOT NULL REFERENCES chain (id),
	address {{BLOB}} NOT NULL,
	key_name TEXT NOT NULL,          -- the configuration's word for it, last seen
	first_nonce {{INT}},             -- the agreed count when the journal first used it
	final_count {{INT}},             -- its count at the final block final_height; NULL: not
	final_height {{INT}},            -- seen yet
	in_flight_max {{INT}} NOT NULL,  -- the highest limit ever used; written before use
	fee_cap_max {{INT}} NOT NULL,    -- the highest cap per gas ever used, likewise
	accepted_height {{INT}} NOT NULL, -- foreign use up to here was accepted by a resume
	stopped TEXT,                    -- why it takes no new intents; NULL: it does
	UNIQUE (chain, address)
) {{STRICT}};

-- Every consumed nonce that no attempt of ours consumed, by the transaction that
-- did it, read whole.
CREATE TABLE consumed (
	account {{INT}} NOT NULL REFERENCES account (id),
	nonce {{INT}} NOT NULL,
	judgement {{INT}} NOT NULL,
	hash {{BLOB}} NOT NULL,
	height {{INT}} NOT NULL,
	block_hash {{BLOB}} NOT NULL,
	recipient {{BLOB}},              -- NULL: it creates a contract
	value {{BLOB}} NOT NULL,
	data {{BLOB}} NOT NULL,          -- its first bytes
	PRIMARY KEY (account, nonce)
) {{STRICT}};

CREATE TABLE operation (
	id {{ID}},
	kind TEXT NOT NULL,
	name TEXT NOT NULL UNIQUE,
	plan {{BLOB}} NOT NULL,          -- SHA-256 of the frozen content
	again {{INT}} NOT NULL,          -- ordinal of --again; part of the tag
	chain {{INT}} NOT NULL REFERENCES chain (id),
	account {{INT}} NOT NULL REFERENCES account (id),
	state {{INT}} NOT NULL,
	back_to {{INT}} NOT NULL,        -- the stage that a resume returns to
	waits_for TEXT,                  -- a sentence for a person; NULL: nothing
	cap {{BLOB}} NOT NULL,           -- of all fees, base units of the native coin
	items {{INT}} NOT NULL,
	planned {{BLOB}} NOT NULL,
	pending_n {{INT}} NOT NULL, pending_sum {{BLOB}} NOT NULL,
	live_n {{INT}} NOT NULL, live_sum {{BLOB}} NOT NULL,
	final_n {{INT}} NOT NULL, final_sum {{BLOB}} NOT NULL,
	void_n {{INT}} NOT NULL, void_sum {{BLOB}} NOT NULL,
	refunded_n {{INT}} NOT NULL, refunded_sum {{BLOB}} NOT NULL,
	fees_final {{BLOB}} NOT NULL,    -- what final attempts did cost
	fees_held {{BLOB}} NOT NULL,     -- held for what is live: its dearest, a bump, an empty
	started_ms {{INT}} NOT NULL,
	ended_ms {{INT}},
	CHECK (items = pending_n + live_n + final_n + void_n + refunded_n)
) {{STRICT}};
CREATE INDEX operation_by_plan ON operation (plan);

-- How long each stage took.
CREATE TABLE stage (
	operation {{INT}} NOT NULL REFERENCES operation (id),
	ordinal {{INT}} NOT NULL,
	state {{INT}} NOT NULL,
	entered_ms {{INT}} NOT NULL,
	PRIMARY KEY (operation, ordinal)
) {{STRICT}};

CREATE TABLE item (
	operation {{INT}} NOT NULL REFERENCES operation (id),
	row {{INT}} NOT NULL,            -- 1 is the first
	line {{INT}} NOT NULL,           -- in the file, for people
	recipient {{BLOB}} NOT NULL,
	amount {{BLOB}} NOT NULL,
	memo TEXT,
	state {{INT}} NOT NULL,
	intent {{INT}},                  -- the one live intent that carries it
	gas {{INT}},                     -- an estimate of its own; NULL: the operation's
	reason TEXT,                     -- why it is void, or flagged
	PRIMARY KEY (operation, row),
	CHECK ((state = 1) = (intent IS NOT NULL))
) {{WITHOUT_ROWID}};
CREATE INDEX item_pending ON item (operation, state, row) WHERE state = 0;
CREATE INDEX item_by_recipient ON item (recipient);

CREATE TABLE intent (
	id {{ID}},
	operation {{INT}} NOT NULL REFERENCES operation (id),
	row {{INT}} NOT NULL,            -- the item that it carries; 0: none (a service fee);
	                                 -- -1: none any more
	account {{INT}} NOT NULL REFERENCES account (id),
	nonce {{INT}},                   -- NULL once given back, before bytes were asked for
	state {{INT}} NOT NULL,
	emptied {{INT}} NOT NULL,        -- 1: only empty attempts are signed and sent from now on;
	                                 -- 2: nothing is, until its rival is settled
	recipient {{BLOB}} NOT NULL,
	value {{BLOB}} NOT NULL,
	data {{BLOB}} NOT NULL,
	cost {{BLOB}} NOT NULL,          -- value + gas * fee of its dearest attempt
	held {{BLOB}} NOT NULL,          -- its part of operation.fees_held
	attempt {{INT}},                 -- the one that is sent; NULL: none signed yet
	proof TEXT,                      -- of its death, or of what makes it final
	UNIQUE (account, nonce)
) {{STRICT}};
-- One live intent for one item; an emptied one sends no payload any more.
CREATE UNIQUE INDEX intent_live_once ON intent (operation, row)
	WHERE state IN (0, 1) AND emptied = 0;
CREATE INDEX intent_by_row ON intent (operation, row);
CREATE INDEX intent_live ON intent (account, nonce) WHERE state IN (0, 1);

CREATE TABLE attempt (
	id {{ID}},
	intent {{INT}} NOT NULL REFERENCES intent (id),
	account {{INT}} NOT NULL REFERENCES account (id),
	hash {{BLOB}} NOT NULL UNIQUE,
	raw {{BLOB}} NOT NULL,
	empty {{INT}} NOT NULL,          -- 1: 0 to ourselves
	fee_type {{INT}} NOT NULL,
	gas {{INT}} NOT NULL,
	max_fee {{INT}} NOT NULL,
	tip {{INT}} NOT NULL,
	signed_height {{INT}} NOT NULL,  -- the head when it was signed
	state {{INT}} NOT NULL,
	height {{INT}},                  -- of the block that holds it
	block_hash {{BLOB}},
	tx_index {{INT}},
	status {{INT}},                  -- of its receipt
	gas_used {{INT}},
	gas_price {{INT}},
	paid {{BLOB}},                   -- what the recipient got, by the chain's own word
	word TEXT                        -- what nodes said that matters
) {{STRICT}};
CREATE INDEX attempt_by_intent ON attempt (intent);
CREATE INDEX attempt_included ON attempt (account, height) WHERE height IS NOT NULL;
