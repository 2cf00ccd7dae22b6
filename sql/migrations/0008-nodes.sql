-- nodes that are left out, for people
ALTER TABLE chain ADD COLUMN nodes TEXT; -- which, and why; NULL: all are in good standing
