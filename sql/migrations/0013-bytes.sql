-- bytes that are valid on two chains
--
-- Two chains may have one id, and what is signed for the one is good on the other: an
-- attempt is one of its account, and its hash is unique there.

CREATE TABLE attempt_new (
	id {{ID}},
	intent {{INT}} NOT NULL REFERENCES intent (id),
	account {{INT}} NOT NULL REFERENCES account (id),
	hash {{BLOB}} NOT NULL,
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
	word TEXT,                       -- what nodes said that matters
	UNIQUE (hash, account)
) {{STRICT}};
INSERT INTO attempt_new SELECT id, intent, account, hash, raw, empty, fee_type, gas, max_fee,
	tip, signed_height, state, height, block_hash, tx_index, status, gas_used, gas_price,
	paid, word FROM attempt;
DROP TABLE attempt;
ALTER TABLE attempt_new RENAME TO attempt;
CREATE INDEX attempt_by_intent ON attempt (intent);
CREATE INDEX attempt_included ON attempt (account, height) WHERE height IS NOT NULL;
-- pg:
ALTER TABLE attempt DROP CONSTRAINT attempt_hash_key;
ALTER TABLE attempt ADD UNIQUE (hash, account);
