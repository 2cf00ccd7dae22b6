-- What only an airdrop has.

-- name: airdrop_add
-- in: operation i64, token b20?, decimals i64, symbol text, fee_amount amount, fee_recipient b20?, file text, file_hash b32, gas i64, fee_gas i64, adopt bool, compared i64
INSERT INTO airdrop (operation, token, decimals, symbol, fee_amount, fee_recipient, file, file_hash,
	imported, built, frozen, gas, fee_gas, adopt, compared)
VALUES (:operation, :token, :decimals, :symbol, :fee_amount, :fee_recipient, :file, :file_hash,
	0, 0, 0, :gas, :fee_gas, :adopt, :compared);

-- name: airdrop_get
-- in: operation i64
-- out: token b20?, decimals i64, symbol text, fee_amount amount, fee_recipient b20?, file text, file_hash b32, imported i64, built i64, frozen i64, gas i64, fee_gas i64, adopt i64, compared i64?
SELECT token, decimals, symbol, fee_amount, fee_recipient, file, file_hash, imported, built, frozen, gas,
	fee_gas, adopt, compared
FROM airdrop WHERE operation = :operation;

-- name: airdrop_imported
-- in: operation i64, imported i64
UPDATE airdrop SET imported = :imported WHERE operation = :operation;

-- name: airdrop_built
-- in: operation i64, built i64, frozen i64
UPDATE airdrop SET built = :built, frozen = :frozen WHERE operation = :operation;

-- name: airdrop_adopted
-- in: operation i64
UPDATE airdrop SET adopt = 0, compared = NULL WHERE operation = :operation;

-- name: airdrop_compare
-- in: operation i64, compared i64
UPDATE airdrop SET compared = :compared WHERE operation = :operation;

-- name: airdrop_gas
-- in: operation i64, gas i64, fee_gas i64
UPDATE airdrop SET gas = :gas, fee_gas = :fee_gas WHERE operation = :operation;

-- Rows of other airdrops of this chain and asset that pay the same, and are paid or
-- may still be.
-- name: airdrop_equal
-- in: recipient b20, amount amount, chain i64, native bool, token b20, operation i64
-- out: n i64
SELECT COUNT(*) AS n FROM item AS i
	JOIN operation AS o ON o.id = i.operation
	JOIN airdrop AS a ON a.operation = o.id
WHERE i.recipient = :recipient AND i.amount = :amount AND o.chain = :chain AND o.id <> :operation
	AND ((a.token IS NULL AND :native = 1) OR (a.token = :token AND :native = 0))
	AND (i.state IN (1, 2) OR (i.state = 0 AND o.state NOT IN (6, 7)));

-- The first list of a chain of which rows are still to come.
-- name: airdrop_half
-- in: chain_id i64
-- out: name text, imported i64
-- scan: there are few operations
SELECT o.name, a.imported FROM airdrop AS a
	JOIN operation AS o ON o.id = a.operation
	JOIN chain AS c ON c.id = o.chain
WHERE c.chain_id = :chain_id AND a.imported < o.items AND o.state NOT IN (4, 6, 7)
ORDER BY o.id LIMIT 1;
