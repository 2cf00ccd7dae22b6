-- a node that leaves receipts out is known by it
-- 1: the header says that gas was used in it.
ALTER TABLE block ADD COLUMN used {{INT}} NOT NULL DEFAULT 0;
