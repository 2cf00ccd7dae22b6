-- payments of the past are taken as a list's
-- 1: the operator said so, and it is not done yet.
ALTER TABLE airdrop ADD COLUMN adopt {{INT}} NOT NULL DEFAULT 0;
