-- what was settled, and has its block again, is to be looked at

ALTER TABLE node_settled ADD COLUMN again {{INT}} NOT NULL DEFAULT 0 CHECK (again IN (0, 1)); -- 1: a block had it since
ALTER TABLE node_settled ADD COLUMN looked {{INT}} CHECK (looked > 0); -- the change by which people looked at that
