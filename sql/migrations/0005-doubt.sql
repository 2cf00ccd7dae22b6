-- accounts in doubt, and their fences
-- The journal may be older than what was sent from the account: nothing new is reserved
-- on it until its fence has settled that.
ALTER TABLE account ADD COLUMN doubt TEXT;   -- why; NULL: there is none

-- What only a fence has.
CREATE TABLE fence (
	operation {{INT}} NOT NULL PRIMARY KEY REFERENCES operation (id),
	below {{INT}} NOT NULL,          -- every nonce below it must be consumed
	why TEXT NOT NULL,               -- the doubt that it settles
	asked {{BLOB}},                  -- the fees that the operator was asked for; NULL: none
	accepted {{BLOB}}                -- those that the operator accepted; NULL: none
) {{STRICT}};
