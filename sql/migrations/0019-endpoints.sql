-- nodes that an operator has switched off

-- Named as everywhere: host:port, and #2 where a chain has two of one. The chain by the id of the
-- configuration: it may be one that no node has told of yet.
CREATE TABLE endpoint_off (
	chain_id {{INT}} NOT NULL,
	name TEXT NOT NULL,
	who TEXT NOT NULL,        -- who said so, for people
	since_ms {{INT}} NOT NULL, -- by the wall
	PRIMARY KEY (chain_id, name)
) {{STRICT}};
