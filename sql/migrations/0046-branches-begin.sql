-- whose ids are not known follows from the restores: one that is not of this journal begins a branch

INSERT INTO node_restore (no, after)
SELECT t.unsure + 1, NULL FROM node_total t
WHERE t.unsure > 0 AND NOT EXISTS (SELECT 1 FROM node_restore r WHERE r.no = t.unsure + 1);
ALTER TABLE node_total DROP COLUMN unsure;
