-- What only an airdrop has.

CREATE TABLE airdrop (
	operation {{INT}} NOT NULL PRIMARY KEY REFERENCES operation (id),
	token {{BLOB}},                  -- NULL: the native coin
	decimals {{INT}} NOT NULL,
	symbol TEXT NOT NULL,
	fee_amount {{BLOB}} NOT NULL,    -- the service fee; zero: none
	fee_recipient {{BLOB}},
	file TEXT NOT NULL,
	file_hash {{BLOB}} NOT NULL,
	imported {{INT}} NOT NULL,       -- rows written; the list is whole at operation.items
	built {{INT}} NOT NULL,          -- rows checked for code and hashed; frozen at items
	frozen {{INT}} NOT NULL,         -- 1: the plan hash over the journaled rows was right
	gas {{INT}} NOT NULL,            -- limit for a row without an estimate of its own
	fee_gas {{INT}} NOT NULL
) {{STRICT}};
