-- Operations whose rows went into a file.

-- name: archive_get
-- in: operation i64
-- out: file text, sum b32, size i64, link b32, commit_no i64, height i64, at_ms i64, whole bool
SELECT file, sum, size, link, commit_no, height, at_ms, whole FROM archive WHERE operation = :operation;

-- name: archive_count
-- out: n i64
-- scan: there are few operations
SELECT COUNT(*) AS n FROM archive;

-- name: archive_add
-- in: operation i64, file text, sum b32, size i64, link b32, commit_no i64, height i64, at_ms i64
INSERT INTO archive (operation, file, sum, size, link, commit_no, height, at_ms, whole)
VALUES (:operation, :file, :sum, :size, :link, :commit_no, :height, :at_ms, 0);

-- name: archive_whole
-- in: operation i64
UPDATE archive SET whole = 1 WHERE operation = :operation;

-- The first of which rows are still going.
-- name: archive_half
-- out: operation i64
-- scan: there are few operations
SELECT operation FROM archive WHERE whole = 0 ORDER BY operation LIMIT 1;

-- The next of a kind that ended before, is settled, and of which nothing is in doubt.
-- name: archive_due
-- in: kind text, before_ms i64, after i64
-- out: id i64, final_height i64?
-- scan: there are few operations, and it is looked for rarely
SELECT o.id, c.final_height FROM operation AS o JOIN chain AS c ON c.id = o.chain
	JOIN account AS a ON a.id = o.account
WHERE o.kind = :kind AND o.id > :after AND o.state IN (4, 7) AND o.live_n = 0
	AND o.ended_ms IS NOT NULL AND o.ended_ms <= :before_ms
	AND c.stopped IS NULL AND a.stopped IS NULL AND a.doubt IS NULL
	AND NOT EXISTS (SELECT 1 FROM archive AS x WHERE x.operation = o.id)
	AND NOT EXISTS (SELECT 1 FROM intent AS i WHERE i.account = o.account AND i.state IN (0, 1)
		AND i.operation = o.id)
ORDER BY o.id LIMIT 1;

-- Those of an account with a transaction in a block above a height.
-- name: archive_above
-- in: account i64, height i64
-- out: name text, file text
-- scan: there are few operations, and a final block vanishes rarely
SELECT o.name, a.file FROM archive AS a JOIN operation AS o ON o.id = a.operation
WHERE o.account = :account AND a.height > :height ORDER BY o.id LIMIT 1;

-- -- what a file holds ------------------------------------------------------
-- Each begins with the operation, and where it is long with a first and a last row, id
-- or commit. A column of a table that is not told here is lost with its row.

-- name: archive_operation
-- in: operation i64
-- out: id i64, kind text, name text, plan b32, again i64, chain i64, account i64, state i64, back_to i64, waits_for text?, cap amount, items i64, planned amount, pending_n i64, pending_sum amount, live_n i64, live_sum amount, final_n i64, final_sum amount, void_n i64, void_sum amount, refunded_n i64, refunded_sum amount, fees_final amount, fees_held amount, started_ms i64, ended_ms i64?
SELECT id, kind, name, plan, again, chain, account, state, back_to, waits_for, cap, items, planned,
	pending_n, pending_sum, live_n, live_sum, final_n, final_sum, void_n, void_sum, refunded_n, refunded_sum,
	fees_final, fees_held, started_ms, ended_ms
FROM operation WHERE id = :operation;

-- name: archive_stage
-- in: operation i64
-- out: operation i64, ordinal i64, state i64, entered_ms i64
SELECT operation, ordinal, state, entered_ms FROM stage WHERE operation = :operation ORDER BY ordinal;

-- name: archive_item
-- in: operation i64, first i64, last i64
-- out: operation i64, row i64, line i64, recipient b20, amount amount, memo text?, state i64, intent i64?, gas i64?, reason text?
SELECT operation, row, line, recipient, amount, memo, state, intent, gas, reason FROM item
WHERE operation = :operation AND row >= :first AND row <= :last ORDER BY row;

-- name: archive_intent
-- in: operation i64, first i64, last i64
-- out: id i64, operation i64, row i64, account i64, nonce i64?, state i64, emptied i64, recipient b20, value amount, data blob, cost amount, held amount, attempt i64?, proof text?, shared_nonce i64?
SELECT id, operation, row, account, nonce, state, emptied, recipient, value, data, cost, held, attempt, proof,
	shared_nonce
FROM intent WHERE operation = :operation AND row >= :first AND row <= :last ORDER BY row, id;

-- name: archive_attempt
-- in: operation i64, first i64, last i64
-- out: id i64, intent i64, account i64, hash b32, raw blob, empty i64, fee_type i64, gas i64, max_fee i64, tip i64, signed_height i64, state i64, height i64?, block_hash b32?, tx_index i64?, status i64?, gas_used i64?, gas_price i64?, paid amount?, word text?
SELECT a.id, a.intent, a.account, a.hash, a.raw, a.empty, a.fee_type, a.gas, a.max_fee, a.tip, a.signed_height,
	a.state, a.height, a.block_hash, a.tx_index, a.status, a.gas_used, a.gas_price, a.paid, a.word
FROM intent AS i JOIN attempt AS a ON a.intent = i.id
WHERE i.operation = :operation AND i.row >= :first AND i.row <= :last ORDER BY i.row, i.id, a.id;

-- name: archive_link
-- in: operation i64, first i64, last i64
-- out: operation i64, commit_no i64, hash b32, at_ms i64
SELECT operation, commit_no, hash, at_ms FROM link
WHERE operation = :operation AND commit_no >= :first AND commit_no <= :last ORDER BY commit_no;

-- By the id: an operation's own index has its rows in their order.
-- name: archive_event
-- in: operation i64, first i64, last i64
-- out: id i64, commit_no i64, operation i64, row i64, what text, from_state text, to_state text, why text
SELECT id, commit_no, operation, row, what, from_state, to_state, why FROM event
WHERE id >= :first AND id <= :last AND operation + 0 = :operation ORDER BY id;

-- name: archive_notice
-- in: operation i64
-- out: id i64, subject_kind i64, subject i64, milestone i64, nth i64, body text, commit_no i64
SELECT id, subject_kind, subject, milestone, nth, body, commit_no FROM notice
WHERE subject_kind = 1 AND subject = :operation ORDER BY id;

-- name: archive_message
-- in: operation i64
-- out: notice i64, subscriber i64, state i64, tries i64, unknown i64, accepted_ms i64?, why text?
SELECT m.notice, m.subscriber, m.state, m.tries, m.unknown, m.accepted_ms, m.why
FROM notice AS n JOIN message AS m ON m.notice = n.id
WHERE n.subject_kind = 1 AND n.subject = :operation ORDER BY m.notice, m.subscriber;

-- -- back again -------------------------------------------------------------
-- In tables of one connection that stand before those of the journal: for who reads. In
-- the order of the columns above.

-- name: archived_intent_put
-- in: id i64, operation i64, row i64, account i64, nonce i64?, state i64, emptied i64, recipient b20, value amount, data blob, cost amount, held amount, attempt i64?, proof text?, shared_nonce i64?
INSERT INTO intent (id, operation, row, account, nonce, state, emptied, recipient, value, data, cost, held, attempt,
	proof, shared_nonce)
VALUES (:id, :operation, :row, :account, :nonce, :state, :emptied, :recipient, :value, :data, :cost, :held,
	:attempt, :proof, :shared_nonce);

-- name: archived_attempt_put
-- in: id i64, intent i64, account i64, hash b32, raw blob, empty i64, fee_type i64, gas i64, max_fee i64, tip i64, signed_height i64, state i64, height i64?, block_hash b32?, tx_index i64?, status i64?, gas_used i64?, gas_price i64?, paid amount?, word text?
INSERT INTO attempt (id, intent, account, hash, raw, empty, fee_type, gas, max_fee, tip, signed_height, state, height,
	block_hash, tx_index, status, gas_used, gas_price, paid, word)
VALUES (:id, :intent, :account, :hash, :raw, :empty, :fee_type, :gas, :max_fee, :tip, :signed_height, :state, :height,
	:block_hash, :tx_index, :status, :gas_used, :gas_price, :paid, :word);

-- name: archived_event_put
-- in: id i64, commit_no i64, operation i64, row i64, what text, from_state text, to_state text, why text
INSERT INTO event (id, commit_no, operation, row, what, from_state, to_state, why)
VALUES (:id, :commit_no, :operation, :row, :what, :from_state, :to_state, :why);

-- -- what goes --------------------------------------------------------------

-- The last of the next rows that have intents. NULL: none has any more.
-- name: archive_rows
-- in: operation i64, max i64
-- out: row i64?
SELECT MAX(row) AS row FROM (SELECT row FROM intent WHERE operation = :operation ORDER BY row LIMIT :max) AS next;

-- name: archive_keep_attempts
-- in: operation i64, last i64
INSERT INTO archived_attempt (account, hash, nonce, shared_nonce, operation, row, empty)
SELECT a.account, a.hash, i.nonce, i.shared_nonce, i.operation, i.row, a.empty
FROM intent AS i JOIN attempt AS a ON a.intent = i.id
WHERE i.operation = :operation AND i.row <= :last;

-- name: archive_drop_attempts
-- in: operation i64, last i64
DELETE FROM attempt WHERE intent IN (SELECT id FROM intent WHERE operation = :operation AND row <= :last);

-- name: archive_drop_intents
-- in: operation i64, last i64
DELETE FROM intent WHERE operation = :operation AND row <= :last;

-- name: archive_drop_events
-- in: first i64, last i64
DELETE FROM event WHERE id >= :first AND id <= :last;

-- name: archive_event_first
-- in: operation i64
-- out: id i64?
SELECT MIN(id) AS id FROM event WHERE operation = :operation;

-- What was accepted everywhere; its key stays.
-- name: archive_empty_notices
-- in: operation i64
UPDATE notice SET body = '' WHERE subject_kind = 1 AND subject = :operation
	AND NOT EXISTS (SELECT 1 FROM message AS m WHERE m.notice = notice.id AND m.state <> 1);

-- -- ids of events that are gone --------------------------------------------

-- name: archived_event_from
-- in: first i64
-- out: last i64
SELECT last FROM archived_event WHERE first = :first;

-- name: archived_event_to
-- in: last i64
-- out: first i64
SELECT first FROM archived_event WHERE last = :last;

-- name: archived_event_add
-- in: first i64, last i64
INSERT INTO archived_event (first, last) VALUES (:first, :last);

-- name: archived_event_drop
-- in: first i64
DELETE FROM archived_event WHERE first = :first;

-- -- what stays -------------------------------------------------------------

-- name: archived_attempt_by_hash
-- in: account i64, hash b32
-- out: operation i64, row i64, empty i64, shared bool
SELECT operation, row, empty, CASE WHEN shared_nonce IS NULL THEN 0 ELSE 1 END AS shared FROM archived_attempt
WHERE account = :account AND hash = :hash;

-- name: archived_attempt_highest
-- in: account i64
-- out: nonce i64?
SELECT MAX(nonce) AS nonce FROM archived_attempt WHERE account = :account;

-- Nonces below one of which an attempt was.
-- name: archived_attempt_below
-- in: account i64, nonce i64
-- out: n i64
SELECT COUNT(DISTINCT nonce) AS n FROM archived_attempt WHERE account = :account AND nonce < :nonce;

-- -- transactions that are followed no more ----------------------------------
-- The row of each stays: it is what keeps it from being told twice.

-- The one that is not done. file: NULL, it is being written.
-- name: track_archive_open
-- out: id i64, file text?
-- scan: a file an hour at most
SELECT id, file FROM track_archive WHERE whole = 0 ORDER BY id LIMIT 1;

-- Those that ended longest ago, are no nearer to the final block than so many blocks, and of which
-- nothing is due, or was for longer than anybody is asked.
-- name: tracked_old
-- in: before_ms i64, depth i64, given_up_ms i64, max i64
-- out: id i64
SELECT t.id FROM tracked AS t JOIN chain AS c ON c.id = t.chain
WHERE t.ended_ms IS NOT NULL AND t.archive IS NULL AND t.ended_ms <= :before_ms AND c.stopped IS NULL
	AND (t.height IS NULL OR t.height <= c.final_height - :depth)
	AND (t.ended_ms <= :given_up_ms OR NOT EXISTS (SELECT 1 FROM notice AS n
		JOIN message AS m ON m.notice = n.id
		WHERE n.subject_kind = 2 AND n.subject = t.id AND m.state = 0))
ORDER BY t.ended_ms LIMIT :max;

-- name: tracked_give_up
-- in: id i64
UPDATE message SET state = 2 WHERE state = 0
	AND notice IN (SELECT n.id FROM notice AS n WHERE n.subject_kind = 2 AND n.subject = :id);

-- name: track_archive_add
-- in: at_ms i64
-- out: id i64
INSERT INTO track_archive (at_ms, whole) VALUES (:at_ms, 0) RETURNING id;

-- name: tracked_archive
-- in: id i64, archive i64
UPDATE tracked SET archive = :archive WHERE id = :id;

-- name: track_archive_put
-- in: id i64, file text, sum b32, size i64
UPDATE track_archive SET file = :file, sum = :sum, size = :size WHERE id = :id;

-- name: track_archive_get
-- in: id i64
-- out: file text?, sum b32?, size i64?, whole bool
SELECT file, sum, size, whole FROM track_archive WHERE id = :id;

-- Its key stays.
-- name: track_archive_empty
-- in: id i64
UPDATE notice SET body = '' WHERE subject_kind = 2
	AND subject IN (SELECT t.id FROM tracked AS t WHERE t.archive = :id)
	AND NOT EXISTS (SELECT 1 FROM message AS m WHERE m.notice = notice.id AND m.state = 0);

-- name: track_archive_whole
-- in: id i64
UPDATE track_archive SET whole = 1 WHERE id = :id;

-- name: archive_tracked
-- in: archive i64
-- out: id i64, chain i64, hash b32, state i64, intent i64?, guess i64, confirmations i64, sender b20?, nonce i64?, height i64?, block_hash b32?, by_hash b32?, round i64, percent i64, due i64?, looks i64?, misses i64, since_ms i64, ended_ms i64?
SELECT id, chain, hash, state, intent, guess, confirmations, sender, nonce, height, block_hash, by_hash, round,
	percent, due, looks, misses, since_ms, ended_ms
FROM tracked WHERE archive = :archive ORDER BY id;

-- name: archive_tracked_notice
-- in: archive i64
-- out: id i64, subject_kind i64, subject i64, milestone i64, nth i64, body text, commit_no i64
SELECT n.id, n.subject_kind, n.subject, n.milestone, n.nth, n.body, n.commit_no
FROM tracked AS t JOIN notice AS n ON n.subject_kind = 2 AND n.subject = t.id
WHERE t.archive = :archive ORDER BY t.id, n.id;

-- name: archive_tracked_message
-- in: archive i64
-- out: notice i64, subscriber i64, state i64, tries i64, unknown i64, accepted_ms i64?, why text?
SELECT m.notice, m.subscriber, m.state, m.tries, m.unknown, m.accepted_ms, m.why
FROM tracked AS t JOIN notice AS n ON n.subject_kind = 2 AND n.subject = t.id
	JOIN message AS m ON m.notice = n.id
WHERE t.archive = :archive ORDER BY t.id, m.notice, m.subscriber;
