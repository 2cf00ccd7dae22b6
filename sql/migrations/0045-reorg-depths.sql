-- how deep a reorg was, and whether it may have begun further down

-- Blocks that are known to have given way; 0: they were not counted then.
ALTER TABLE node_reorg ADD COLUMN deep {{INT}} NOT NULL DEFAULT 0;
-- 1: what stood below its height was not known, so it was that deep at least.
ALTER TABLE node_reorg ADD COLUMN below {{INT}} NOT NULL DEFAULT 0;
