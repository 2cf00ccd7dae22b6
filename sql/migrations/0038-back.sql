-- what a subscriber missed comes back to him in steps

-- The notice up to which it is due again since he was resumed: the rest is not, yet, and nothing is
-- sent to him before. NULL: all of it is.
ALTER TABLE subscriber ADD COLUMN back {{INT}};
