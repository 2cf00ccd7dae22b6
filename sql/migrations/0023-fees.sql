-- what fees were, hour by hour, for the picture of the last day

-- Of the base fee, or of the gas price where a chain has none; in wei. By the wall, and for people
-- alone: nothing that is signed goes by it. Rows of more than two days ago are dropped.
CREATE TABLE fee_hour (
	chain_id {{INT}} NOT NULL,
	hour {{INT}} NOT NULL,    -- Unix time in hours
	low {{INT}} NOT NULL,
	mean {{INT}} NOT NULL,
	high {{INT}} NOT NULL,
	samples {{INT}} NOT NULL, -- that it is the mean of
	PRIMARY KEY (chain_id, hour),
	CHECK (low >= 0 AND low <= mean AND mean <= high AND samples > 0)
) {{STRICT}};
