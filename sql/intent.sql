-- Intents and their attempts.

-- name: intent_add
-- in: operation i64, row i64, account i64, nonce i64, recipient b20, value amount, data blob, cost amount, held amount
INSERT INTO intent (operation, row, account, nonce, state, emptied, recipient, value, data, cost, held)
VALUES (:operation, :row, :account, :nonce, 0, 0, :recipient, :value, :data, :cost, :held);

-- The one that was added last: nobody else adds any. RETURNING would be a table of its own
-- for each row.
-- name: intent_added
-- out: id i64?
SELECT MAX(id) AS id FROM intent;

-- A payment that was forgotten, as its row's: without a nonce when another intent has it.
-- name: intent_adopt
-- in: operation i64, row i64, account i64, nonce i64?, shared_nonce i64?, recipient b20, value amount, data blob, cost amount, zero amount
-- out: id i64
INSERT INTO intent (operation, row, account, nonce, shared_nonce, state, emptied, recipient, value, data,
	cost, held)
VALUES (:operation, :row, :account, :nonce, :shared_nonce, 0, 0, :recipient, :value, :data, :cost, :zero)
RETURNING id;

-- name: intent_shared
-- in: account i64, nonce i64
-- out: id i64
SELECT id FROM intent
WHERE account = :account AND shared_nonce = :nonce AND shared_nonce IS NOT NULL AND state IN (0, 1)
ORDER BY id;

-- name: intent_shares
-- in: account i64
-- out: n i64
SELECT COUNT(*) AS n FROM intent WHERE account = :account AND shared_nonce IS NOT NULL;

-- The transactions of an operation: from where to where.
-- name: attempt_range
-- in: operation i64
-- out: n i64, nonce i64, nonce_last i64, height i64, height_last i64
SELECT COUNT(*) AS n, COALESCE(MIN(COALESCE(intent.nonce, intent.shared_nonce)), 0) AS nonce,
	COALESCE(MAX(COALESCE(intent.nonce, intent.shared_nonce)), 0) AS nonce_last,
	COALESCE(MIN(attempt.height), 0) AS height, COALESCE(MAX(attempt.height), 0) AS height_last
FROM intent JOIN attempt ON attempt.intent = intent.id WHERE intent.operation = :operation;

-- name: intent_get
-- in: id i64
-- out: id i64, operation i64, row i64, account i64, nonce i64?, state i64, emptied i64, recipient b20, value amount, data blob, cost amount, held amount, attempt i64?, proof text?
SELECT id, operation, row, account, nonce, state, emptied, recipient, value, data, cost, held, attempt, proof
FROM intent WHERE id = :id;

-- name: intent_by_nonce
-- in: account i64, nonce i64
-- out: id i64
SELECT id FROM intent WHERE account = :account AND nonce = :nonce;

-- name: intent_highest
-- in: account i64
-- out: nonce i64?
SELECT MAX(nonce) AS nonce FROM intent WHERE account = :account;

-- name: intent_lowest_live
-- in: account i64
-- out: nonce i64
SELECT nonce FROM intent WHERE account = :account AND state IN (0, 1) AND nonce >= 0 ORDER BY nonce LIMIT 1;

-- Which nonces from one on are taken by intents: a hole among them is filled.
-- name: intent_nonces
-- in: account i64, nonce i64
-- out: nonce i64?
SELECT nonce FROM intent WHERE account = :account AND nonce >= :nonce ORDER BY nonce;

-- name: intent_last_operation
-- in: account i64
-- out: operation i64
SELECT operation FROM intent WHERE account = :account AND nonce IS NOT NULL ORDER BY nonce DESC LIMIT 1;

-- name: intent_unsigned
-- in: account i64, nonce i64, max i64
-- out: id i64, nonce i64
SELECT id, nonce FROM intent
WHERE account = :account AND state = 0 AND nonce >= :nonce ORDER BY nonce LIMIT :max;

-- name: intent_live_from
-- in: account i64, nonce i64, max i64
-- out: id i64, nonce i64
SELECT id, nonce FROM intent
WHERE account = :account AND state IN (0, 1) AND nonce >= :nonce ORDER BY nonce LIMIT :max;

-- name: intent_outstanding
-- in: account i64, nonce i64
-- out: recipient b20, data blob, cost amount
SELECT recipient, data, cost FROM intent
WHERE account = :account AND state IN (0, 1) AND nonce >= :nonce ORDER BY nonce;

-- The bytes to send, in nonce order: the current attempt of each live intent. Of what only
-- a block has shown there are none.
-- name: intent_to_send
-- in: account i64, nonce i64, max i64
-- out: nonce i64, hash b32, raw blob
SELECT i.nonce, a.hash, a.raw FROM intent AS i JOIN attempt AS a ON a.id = i.attempt
WHERE i.account = :account AND i.state IN (0, 1) AND i.nonce >= :nonce
	AND (i.emptied = 0 OR a.empty = 1) AND LENGTH(a.raw) > 0
ORDER BY i.nonce LIMIT :max;

-- The lowest live intent of which no bytes may leave: nothing above it does.
-- name: intent_mute
-- in: account i64, nonce i64
-- out: nonce i64
SELECT i.nonce FROM intent AS i LEFT JOIN attempt AS a ON a.id = i.attempt
WHERE i.account = :account AND i.state IN (0, 1) AND i.nonce >= :nonce
	AND (a.id IS NULL OR (i.emptied <> 0 AND a.empty = 0) OR LENGTH(a.raw) = 0)
ORDER BY i.nonce LIMIT 1;

-- name: intent_by_row
-- in: operation i64, row i64
-- out: id i64
SELECT id FROM intent WHERE operation = :operation AND row = :row ORDER BY id;

-- How many of a row may pay it, or did.
-- name: intent_not_void
-- in: operation i64, row i64
-- out: n i64
SELECT COUNT(*) AS n FROM intent WHERE operation = :operation AND row = :row AND state <> 3;

-- The newest that may still win.
-- name: intent_live_of_row
-- in: operation i64, row i64
-- out: id i64
SELECT id FROM intent WHERE operation = :operation AND row = :row AND state IN (0, 1)
ORDER BY id DESC LIMIT 1;

-- name: intent_of_operation
-- in: operation i64, id i64, max i64
-- out: id i64
SELECT id FROM intent WHERE operation = :operation AND id > :id ORDER BY id LIMIT :max;

-- By the account: of the operation's own there are as many as it has rows.
-- name: intent_live_of_operation
-- in: operation i64
-- out: id i64
SELECT id FROM intent
WHERE account = (SELECT account FROM operation WHERE id = :operation) AND state IN (0, 1)
	AND operation + 0 = :operation
ORDER BY id;

-- A dearer attempt was asked for: it counts from now on.
-- name: intent_held
-- in: id i64, held amount
UPDATE intent SET held = :held WHERE id = :id;

-- name: intent_signed
-- in: id i64, attempt i64, cost amount, held amount
UPDATE intent SET state = 1, attempt = :attempt, cost = :cost, held = :held
WHERE id = :id AND state IN (0, 1);

-- name: intent_empty
-- in: id i64
UPDATE intent SET emptied = 1 WHERE id = :id AND state IN (0, 1);

-- It never had bytes: its nonce is another's to take.
-- name: intent_give_back
-- in: id i64
UPDATE intent SET nonce = NULL WHERE id = :id AND state = 3 AND attempt IS NULL;

-- How many nonces of a stretch are intents'.
-- name: intent_taken
-- in: account i64, nonce i64, below i64
-- out: n i64
SELECT COUNT(*) AS n FROM intent WHERE account = :account AND nonce >= :nonce AND nonce < :below;

-- name: intent_settle
-- in: id i64, from i64, to i64, held amount, proof text?
UPDATE intent SET state = :to, held = :held, proof = :proof WHERE id = :id AND state = :from;

-- name: attempt_add
-- in: intent i64, account i64, hash b32, raw blob, empty i64, fee_type i64, gas i64, max_fee i64, tip i64, signed_height i64
INSERT INTO attempt (intent, account, hash, raw, empty, fee_type, gas, max_fee, tip, signed_height, state)
VALUES (:intent, :account, :hash, :raw, :empty, :fee_type, :gas, :max_fee, :tip, :signed_height, 0);

-- name: attempt_added
-- out: id i64?
SELECT MAX(id) AS id FROM attempt;

-- A block has shown it before; its bytes are known from here on.
-- name: attempt_bytes
-- in: id i64, raw blob
UPDATE attempt SET raw = :raw WHERE id = :id AND LENGTH(raw) = 0;

-- name: attempt_get
-- in: id i64
-- out: id i64, intent i64, hash b32, empty i64, fee_type i64, gas i64, max_fee i64, tip i64, signed_height i64, state i64, height i64?, block_hash b32?, status i64?, gas_used i64?, gas_price i64?, paid amount?, word text?, bytes i64
SELECT id, intent, hash, empty, fee_type, gas, max_fee, tip, signed_height, state, height, block_hash,
	status, gas_used, gas_price, paid, word, LENGTH(raw) AS bytes
FROM attempt WHERE id = :id;

-- Its bytes are valid on each chain of this id: elsewhere they are a stranger's.
-- name: attempt_by_hash
-- in: account i64, hash b32
-- out: id i64, intent i64, empty i64, gas i64, state i64, height i64?, block_hash b32?, gas_used i64?, gas_price i64?, paid amount?
SELECT id, intent, empty, gas, state, height, block_hash, gas_used, gas_price, paid
FROM attempt WHERE hash = :hash AND account = :account;

-- name: attempt_newest
-- in: intent i64
-- out: hash b32
SELECT hash FROM attempt WHERE intent = :intent AND empty = 0 ORDER BY id DESC LIMIT 1;

-- name: attempt_of_intent
-- in: intent i64
-- out: id i64, hash b32, empty i64, fee_type i64, gas i64, max_fee i64, tip i64, signed_height i64, state i64, height i64?, block_hash b32?, status i64?, gas_used i64?, gas_price i64?, paid amount?, word text?, bytes i64
SELECT id, hash, empty, fee_type, gas, max_fee, tip, signed_height, state, height, block_hash,
	status, gas_used, gas_price, paid, word, LENGTH(raw) AS bytes
FROM attempt WHERE intent = :intent ORDER BY id;

-- name: attempt_included
-- in: id i64, state i64, height i64, block_hash b32, tx_index i64, status i64, gas_used i64, gas_price i64, paid amount?
UPDATE attempt SET state = :state, height = :height, block_hash = :block_hash, tx_index = :tx_index,
	status = :status, gas_used = :gas_used, gas_price = :gas_price, paid = :paid
WHERE id = :id;

-- name: attempt_state
-- in: id i64, state i64
UPDATE attempt SET state = :state WHERE id = :id;

-- name: attempt_back
-- in: id i64
UPDATE attempt SET state = 0, height = NULL, block_hash = NULL, tx_index = NULL, status = NULL,
	gas_used = NULL, gas_price = NULL, paid = NULL
WHERE id = :id;

-- name: attempt_siblings
-- in: intent i64, id i64
-- out: id i64, state i64
SELECT id, state FROM attempt WHERE intent = :intent AND id <> :id ORDER BY id;

-- name: attempt_above
-- in: account i64, height i64
-- out: id i64, intent i64, state i64
SELECT id, intent, state FROM attempt
WHERE account = :account AND height IS NOT NULL AND height > :height ORDER BY height, id;

-- name: attempt_at
-- in: account i64, height i64
-- out: id i64, intent i64, state i64, hash b32
SELECT id, intent, state, hash FROM attempt
WHERE account = :account AND height IS NOT NULL AND height = :height ORDER BY id;

-- name: attempt_word
-- in: id i64, word text?
UPDATE attempt SET word = :word WHERE id = :id;

-- The last so many attempts of an account, from a nonce on, in blocks above one and up to
-- the agreed one: the brake looks at them.
-- name: attempt_last_included
-- in: account i64, nonce i64, above i64, agreed i64, max i64
-- out: operation i64, status i64?
SELECT i.operation, a.status FROM attempt AS a JOIN intent AS i ON i.id = a.intent
WHERE a.account = :account AND a.height IS NOT NULL AND a.height > :above AND a.height <= :agreed
	AND i.nonce >= :nonce
ORDER BY a.height DESC, a.id DESC LIMIT :max;

-- The payload moved on before the block of its proof vanished: live again, but only
-- empty attempts are signed and sent on its nonce.
-- name: intent_contest
-- in: id i64, held amount
UPDATE intent SET state = CASE WHEN attempt IS NULL THEN 0 ELSE 1 END, emptied = 1, held = :held,
	proof = 'contested'
WHERE id = :id AND state IN (2, 3);

-- Its rival is not settled: nothing of it is signed or sent.
-- name: intent_hold
-- in: id i64
UPDATE intent SET emptied = 2 WHERE id = :id AND emptied = 0;

-- name: intent_unhold
-- in: id i64
UPDATE intent SET emptied = 0 WHERE id = :id AND emptied = 2;

-- name: intent_states_of_row
-- in: operation i64, row i64
-- out: state i64, proof text?
SELECT state, proof FROM intent WHERE operation = :operation AND row = :row ORDER BY id;

-- Given up by the operator: it is not the row's any more.
-- name: intent_disown_void
-- in: operation i64, row i64
UPDATE intent SET row = -1 WHERE operation = :operation AND row = :row AND state = 3;

-- All intents of some rows with all their attempts, for whom rows are counted.
-- name: intent_recount
-- in: operation i64, row i64, last i64
-- out: id i64, row i64, account i64, state i64, emptied i64, held amount, attempt i64?, signed_id i64?, empty i64?, moved i64?, status i64?, gas_used i64?, gas_price i64?, paid amount?
SELECT i.id, i.row, i.account, i.state, i.emptied, i.held, i.attempt, a.id AS signed_id, a.empty, a.state AS moved,
	a.status, a.gas_used, a.gas_price, a.paid
FROM intent AS i LEFT JOIN attempt AS a ON a.intent = i.id
WHERE i.operation = :operation AND i.row >= :row AND i.row <= :last
ORDER BY i.row, i.id, a.id;

-- What live intents of an operation hold.
-- name: intent_held_of
-- in: account i64, operation i64
-- out: held amount
SELECT held FROM intent
WHERE account = :account AND state IN (0, 1) AND operation + 0 = :operation;

-- Live intents of an operation, the rows that they carry, and their bytes.
-- name: intent_bytes_of
-- in: account i64, operation i64
-- out: id i64, row i64, nonce i64?, recipient b20, value amount, data blob, payee b20?, amount amount?, hash b32?, raw blob?, empty i64?
SELECT i.id, i.row, i.nonce, i.recipient, i.value, i.data, t.recipient AS payee, t.amount, a.hash, a.raw, a.empty
FROM intent AS i LEFT JOIN item AS t ON t.operation = i.operation AND t.row = i.row
	LEFT JOIN attempt AS a ON a.intent = i.id
WHERE i.account = :account AND i.state IN (0, 1) AND i.operation + 0 = :operation
ORDER BY i.id, a.id;
