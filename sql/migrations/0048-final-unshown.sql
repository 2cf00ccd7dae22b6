-- the nodes of a chain show no block as high as what is final

ALTER TABLE chain ADD COLUMN unshown {{INT}} NOT NULL DEFAULT 0 CHECK (unshown IN (0, 1)); -- 1: none of them, last
UPDATE chain SET unshown = 1 WHERE nodes LIKE '%no quorum shows block%';
