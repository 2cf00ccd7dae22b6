-- when a quorum of its nodes showed last what is final

ALTER TABLE chain ADD COLUMN shown_ms {{INT}} CHECK (shown_ms > 0); -- wall clock; NULL: none did yet
