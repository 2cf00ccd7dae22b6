-- what was adopted of the past

-- Of a payment that no item knows. A token may take a fee of what it moves. NULL: the
-- amount, or its block is not final.
ALTER TABLE consumed ADD COLUMN arrived {{BLOB}};
-- The lowest block of the past from which a payment was adopted: until all of the past is
-- read, a start reads it from there on. NULL: there is none.
ALTER TABLE account ADD COLUMN adopted_from {{INT}};
