-- Accounts and the nonces that others consumed.

-- name: account_by_address
-- in: chain i64, address b20
-- out: id i64
SELECT id FROM account WHERE chain = :chain AND address = :address;

-- name: account_add
-- in: chain i64, address b20, key_name text, in_flight_max i64, fee_cap_max i64
-- out: id i64
INSERT INTO account (chain, address, key_name, in_flight_max, fee_cap_max, accepted_height)
VALUES (:chain, :address, :key_name, :in_flight_max, :fee_cap_max, 0) RETURNING id;

-- name: account_get
-- in: id i64
-- out: chain i64, address b20, key_name text, first_nonce i64?, final_count i64?, final_height i64?, in_flight_max i64, fee_cap_max i64, accepted_height i64, past_from i64?, stopped text?, doubt text?, adopted_from i64?, fence_height i64?
SELECT chain, address, key_name, first_nonce, final_count, final_height, in_flight_max, fee_cap_max,
	accepted_height, past_from, stopped, doubt, adopted_from, fence_height
FROM account WHERE id = :id;

-- name: account_limits
-- in: id i64, in_flight_max i64, fee_cap_max i64
UPDATE account SET in_flight_max = :in_flight_max, fee_cap_max = :fee_cap_max
WHERE id = :id;

-- What the configuration calls its key from now on.
-- name: account_key_name
-- in: id i64, key_name text
UPDATE account SET key_name = :key_name WHERE id = :id;

-- name: account_first_nonce
-- in: id i64, first_nonce i64
UPDATE account SET first_nonce = :first_nonce WHERE id = :id AND first_nonce IS NULL;

-- name: account_final_count
-- in: id i64, final_count i64, final_height i64
UPDATE account SET final_count = :final_count, final_height = :final_height WHERE id = :id;

-- name: account_stop
-- in: id i64, stopped text?, accepted_height i64
UPDATE account SET stopped = :stopped, accepted_height = :accepted_height WHERE id = :id;

-- name: account_doubted
-- out: n i64
-- scan: there are few accounts
SELECT COUNT(*) AS n FROM account WHERE doubt IS NOT NULL;

-- name: account_doubt
-- in: id i64, doubt text?
UPDATE account SET doubt = :doubt WHERE id = :id;

-- name: account_fence_height
-- in: id i64, fence_height i64?
UPDATE account SET fence_height = :fence_height WHERE id = :id;

-- The journal's own doubt becomes that of each account; what one was in before is less.
-- name: account_doubt_all
-- in: doubt text
-- scan: a handful of rows
UPDATE account SET doubt = :doubt;

-- In a block of the past that is not told as final yet.
-- name: account_adopted_from
-- in: id i64, height i64
UPDATE account SET adopted_from = :height
WHERE id = :id AND (adopted_from IS NULL OR adopted_from > :height);

-- From here on every use of its nonces is known.
-- name: account_past
-- in: id i64, past_from i64
UPDATE account SET past_from = :past_from WHERE id = :id;

-- name: consumed_add
-- in: account i64, nonce i64, judgement i64, hash b32, height i64, block_hash b32, recipient b20?, value amount, data blob, asset b20?, payee b20?, amount amount?, fee_type i64, gas i64, max_fee i64, tip i64
INSERT INTO consumed (account, nonce, judgement, hash, height, block_hash, recipient, value, data,
	asset, payee, amount, fee_type, gas, max_fee, tip)
VALUES (:account, :nonce, :judgement, :hash, :height, :block_hash, :recipient, :value, :data,
	:asset, :payee, :amount, :fee_type, :gas, :max_fee, :tip)
ON CONFLICT (account, nonce) DO UPDATE SET judgement = excluded.judgement, hash = excluded.hash,
	height = excluded.height, block_hash = excluded.block_hash, recipient = excluded.recipient,
	value = excluded.value, data = excluded.data, asset = excluded.asset, payee = excluded.payee,
	amount = excluded.amount, fee_type = excluded.fee_type, gas = excluded.gas, max_fee = excluded.max_fee,
	tip = excluded.tip, arrived = NULL;

-- Payments that no item knows.
-- name: consumed_payments
-- in: account i64, nonce i64, max i64
-- out: nonce i64, hash b32, height i64, block_hash b32, recipient b20, value amount, data blob, asset b20?, payee b20, amount amount, arrived amount?, fee_type i64, gas i64, max_fee i64, tip i64
SELECT nonce, hash, height, block_hash, recipient, value, data, asset, payee, amount, arrived, fee_type, gas,
	max_fee, tip
FROM consumed WHERE account = :account AND nonce >= :nonce AND judgement = 0 AND payee IS NOT NULL
ORDER BY nonce LIMIT :max;

-- name: consumed_payments_count
-- in: account i64
-- out: n i64
SELECT COUNT(*) AS n FROM consumed WHERE account = :account AND judgement = 0 AND payee IS NOT NULL;

-- By payee: an account may have used as many nonces as its lists have rows.
-- name: consumed_equal
-- in: account i64, payee b20, amount amount, native bool, asset b20
-- out: n i64
SELECT COUNT(*) AS n FROM consumed
WHERE payee = :payee AND payee IS NOT NULL AND account + 0 = :account AND amount = :amount AND judgement = 0
	AND ((asset IS NULL AND :native = 1) OR (asset = :asset AND :native = 0));

-- Rows that nothing pays yet, and the payments that no item knows and that equal them.
-- name: consumed_of_rows
-- in: operation i64, account i64, native bool, asset b20
-- out: row i64, hash b32
SELECT item.row, consumed.hash FROM item JOIN consumed ON consumed.payee = item.recipient
	AND consumed.payee IS NOT NULL AND consumed.account = :account AND consumed.amount = item.amount
	AND consumed.judgement IN (0, 1)
	AND ((consumed.asset IS NULL AND :native = 1) OR (consumed.asset = :asset AND :native = 0))
WHERE item.operation = :operation AND item.state = 0 ORDER BY item.row;

-- Void rows, and the payments that no item knows and that equal them.
-- name: consumed_of_void
-- in: operation i64, account i64, native bool, asset b20, first i64, last i64
-- out: row i64, reason text?, hash b32
SELECT item.row, item.reason, consumed.hash FROM item JOIN consumed ON consumed.payee = item.recipient
	AND consumed.payee IS NOT NULL AND consumed.account = :account AND consumed.amount = item.amount
	AND consumed.judgement IN (0, 1)
	AND ((consumed.asset IS NULL AND :native = 1) OR (consumed.asset = :asset AND :native = 0))
WHERE item.operation = :operation AND item.state = 3 AND item.row BETWEEN :first AND :last
ORDER BY item.row, consumed.nonce;

-- How many nonces below one are known: by strangers, and by what was adopted.
-- name: consumed_below
-- in: account i64, nonce i64
-- out: n i64
SELECT (SELECT COUNT(*) FROM consumed WHERE account = :account AND nonce < :nonce)
	+ (SELECT COUNT(*) FROM intent WHERE account = :account AND nonce < :nonce) AS n;

-- name: consumed_get
-- in: account i64, nonce i64
-- out: judgement i64, hash b32, height i64, block_hash b32
SELECT judgement, hash, height, block_hash FROM consumed WHERE account = :account AND nonce = :nonce;

-- name: consumed_at
-- in: account i64, height i64
-- out: nonce i64, judgement i64, hash b32, recipient b20?, value amount, data blob, payee b20?, fee_type i64?, gas i64?, max_fee i64?, tip i64?
SELECT nonce, judgement, hash, recipient, value, data, payee, fee_type, gas, max_fee, tip FROM consumed
WHERE account = :account AND height = :height ORDER BY nonce;

-- Its final block shows that it paid nobody.
-- name: consumed_unpaid
-- in: account i64, nonce i64
UPDATE consumed SET payee = NULL, asset = NULL, amount = NULL,
	judgement = CASE WHEN judgement = 1 THEN 0 ELSE judgement END
WHERE account = :account AND nonce = :nonce;

-- Its final block shows that another amount arrived.
-- name: consumed_arrived
-- in: account i64, nonce i64, arrived amount
UPDATE consumed SET arrived = :arrived WHERE account = :account AND nonce = :nonce;

-- name: consumed_by_hash
-- in: account i64, hash b32
-- out: nonce i64, height i64
SELECT nonce, height FROM consumed WHERE account = :account AND hash = :hash;

-- name: consumed_since
-- in: account i64, nonce i64, height i64
-- out: n i64
-- scan: foreign use of a key is rare
SELECT COUNT(*) AS n FROM consumed
WHERE account = :account AND nonce >= :nonce AND height > :height AND judgement IN (0, 1);

-- Uses of nonces that pay an item and are no attempt's, and their end: the operator says
-- that they were not for the items.
-- name: consumed_suspects
-- in: account i64
-- out: nonce i64, hash b32, height i64, asset b20?, payee b20?, amount amount?
-- scan: foreign use of a key is rare
SELECT nonce, hash, height, asset, payee, amount FROM consumed WHERE account = :account AND judgement = 1 ORDER BY nonce;

-- name: consumed_clear
-- in: account i64
-- scan: foreign use of a key is rare
UPDATE consumed SET judgement = 0 WHERE account = :account AND judgement = 1;

-- It pays an item that was not there yet when it was read.
-- name: consumed_suspect
-- in: account i64, nonce i64
UPDATE consumed SET judgement = 1 WHERE account = :account AND nonce = :nonce;

-- name: consumed_final
-- in: account i64, height i64
-- out: nonce i64, judgement i64, hash b32, height i64
-- scan: foreign use of a key is rare
SELECT nonce, judgement, hash, height FROM consumed
WHERE account = :account AND height <= :height ORDER BY nonce;

-- name: consumed_above
-- in: account i64, height i64
-- out: nonce i64
SELECT nonce FROM consumed WHERE account = :account AND height > :height ORDER BY nonce;

-- name: consumed_drop_above
-- in: account i64, height i64
DELETE FROM consumed WHERE account = :account AND height > :height;

-- name: consumed_highest
-- in: account i64
-- out: nonce i64?
SELECT MAX(nonce) AS nonce FROM consumed WHERE account = :account;

-- It is a row's payment, on a nonce that another intent holds.
-- name: consumed_adopted
-- in: account i64, nonce i64
UPDATE consumed SET judgement = 3 WHERE account = :account AND nonce = :nonce;

-- name: consumed_drop
-- in: account i64, nonce i64
DELETE FROM consumed WHERE account = :account AND nonce = :nonce;

-- name: account_of_chain
-- in: chain i64
-- out: id i64
-- scan: a handful of rows
SELECT id FROM account WHERE chain = :chain ORDER BY id;
