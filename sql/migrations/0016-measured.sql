-- where a fence was measured

-- The height of the block by whose count the fence of an account in doubt was measured. NULL: by
-- none, or by one that a reorg has thrown out: it is measured anew, whatever life it is by then.
ALTER TABLE account ADD COLUMN fence_height {{INT}};
