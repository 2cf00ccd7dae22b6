-- a past of many transactions is read

-- Each transaction of a key's past is looked for by its hash, each block by its height.
CREATE INDEX consumed_by_hash ON consumed (account, hash);
CREATE INDEX consumed_by_height ON consumed (account, height);
