-- What reports read; nothing here decides or writes.

-- Live intents whose bytes may be out and are in no block that we follow.
-- name: report_unknown
-- in: account i64, operation i64
-- out: n i64
SELECT COUNT(*) AS n FROM intent AS i JOIN attempt AS a ON a.id = i.attempt
WHERE i.account = :account AND i.state IN (0, 1) AND i.state = 1 AND i.operation + 0 = :operation
	AND a.state = 0;

-- Live intents whose nonce final blocks have used, by no transaction that is known.
-- name: report_unexplained
-- in: account i64, operation i64
-- out: n i64, row i64?, nonce i64?
SELECT COUNT(*) AS n, MIN(i.row) AS row, MIN(i.nonce) AS nonce FROM intent AS i
WHERE i.account = :account AND i.state IN (0, 1) AND i.operation + 0 = :operation
	AND i.nonce < (SELECT final_count FROM account WHERE id = :account)
	AND NOT EXISTS (SELECT 1 FROM consumed AS c WHERE c.account = :account AND c.nonce = i.nonce)
	AND NOT EXISTS (SELECT 1 FROM attempt AS a WHERE a.intent = i.id AND a.height IS NOT NULL);

-- name: report_stages
-- in: operation i64
-- out: ordinal i64, state i64, entered_ms i64
SELECT ordinal, state, entered_ms FROM stage WHERE operation = :operation ORDER BY ordinal;

-- When something of the operation last moved.
-- name: report_last_move
-- in: operation i64
-- out: commit_no i64, at_ms i64
SELECT commit_no, at_ms FROM link WHERE operation = :operation ORDER BY commit_no DESC LIMIT 1;

-- A row's story, oldest first.
-- name: report_events
-- in: operation i64, row i64
-- out: id i64, commit_no i64, what text, from_state text, to_state text, why text, at_ms i64?
SELECT e.id, e.commit_no, e.what, e.from_state, e.to_state, e.why, l.at_ms
FROM event AS e LEFT JOIN link AS l ON l.operation = e.operation AND l.commit_no = e.commit_no
WHERE e.operation = :operation AND e.row = :row ORDER BY e.id;

-- The highest block of the trail.
-- name: report_head
-- in: chain i64
-- out: height i64?
SELECT MAX(height) AS height FROM block WHERE chain = :chain;

-- Rows of an operation with the attempts of all their intents: for an export, and for
-- finding where on the chain to look. In the order of rows, intents, attempts.
-- name: report_attempts
-- in: operation i64, row i64, last i64
-- out: row i64, intent i64, nonce i64?, emptied i64, hash b32?, empty i64?, state i64?, height i64?, block_hash b32?, status i64?, gas_used i64?, gas_price i64?
SELECT i.row, i.id AS intent, i.nonce, i.emptied, a.hash, a.empty, a.state, a.height, a.block_hash,
	a.status, a.gas_used, a.gas_price
FROM intent AS i LEFT JOIN attempt AS a ON a.intent = i.id
WHERE i.operation = :operation AND i.row >= :row AND i.row <= :last
ORDER BY i.row, i.id, a.id;

-- The nonces that an operation ever took.
-- name: report_nonce_range
-- in: operation i64
-- out: lowest i64?, highest i64?
-- scan: of an archived one, its rows are looked for by a report alone
SELECT MIN(nonce) AS lowest, MAX(nonce) AS highest FROM (
	SELECT COALESCE(nonce, shared_nonce) AS nonce FROM intent WHERE operation = :operation
	UNION ALL
	SELECT COALESCE(nonce, shared_nonce) AS nonce FROM archived_attempt WHERE operation = :operation
) AS taken;

-- The transactions that the journal knows for the nonces of an account.
-- name: report_nonces
-- in: account i64, nonce i64, last i64
-- out: nonce i64, operation i64, row i64, hash b32?, empty i64?
SELECT i.nonce, i.operation, i.row, a.hash, a.empty
FROM intent AS i LEFT JOIN attempt AS a ON a.intent = i.id
WHERE i.account = :account AND i.nonce >= :nonce AND i.nonce <= :last
UNION ALL
SELECT i.shared_nonce AS nonce, i.operation, i.row, a.hash, a.empty
FROM intent AS i LEFT JOIN attempt AS a ON a.intent = i.id
WHERE i.account = :account AND i.shared_nonce >= :nonce AND i.shared_nonce <= :last
	AND i.shared_nonce IS NOT NULL
UNION ALL
SELECT x.nonce, x.operation, x.row, x.hash, x.empty FROM archived_attempt AS x
WHERE x.account = :account AND x.nonce >= :nonce AND x.nonce <= :last
UNION ALL
SELECT x.shared_nonce AS nonce, x.operation, x.row, x.hash, x.empty FROM archived_attempt AS x
WHERE x.account = :account AND x.shared_nonce >= :nonce AND x.shared_nonce <= :last
	AND x.shared_nonce IS NOT NULL
ORDER BY 1;

-- What may have paid a row, and is no attempt of this journal.
-- name: report_suspects
-- in: account i64
-- out: nonce i64, hash b32
-- scan: foreign use of a key is rare
SELECT nonce, hash FROM consumed WHERE account = :account AND judgement IN (1, 2) ORDER BY nonce;

-- Those of no intent: what was adopted is an attempt.
-- name: report_consumed
-- in: account i64, nonce i64, last i64
-- out: nonce i64, hash b32
SELECT nonce, hash FROM consumed
WHERE account = :account AND nonce >= :nonce AND nonce <= :last AND judgement <> 3 ORDER BY nonce;

-- What is paid to one recipient by a row with this amount.
-- name: report_row_equal
-- in: recipient b20, operation i64, amount amount
-- out: row i64
SELECT row FROM item
WHERE recipient = :recipient AND operation = :operation AND amount = :amount ORDER BY row LIMIT 1;

-- What holds a key: live intents on any chain.
-- name: report_live_of_account
-- in: account i64
-- out: n i64
SELECT COUNT(*) AS n FROM intent WHERE account = :account AND state IN (0, 1);

-- name: report_accounts_of_key
-- in: key_name text, address b20
-- out: id i64, chain i64, stopped text?, accepted_height i64
-- scan: a handful of rows
SELECT id, chain, stopped, accepted_height FROM account
WHERE key_name = :key_name OR address = :address ORDER BY id;

-- Operations of an account that are not ended.
-- name: report_open_of_account
-- in: account i64
-- out: id i64
-- scan: there are few operations
SELECT id FROM operation WHERE account = :account AND state NOT IN (4, 7) ORDER BY id;

-- Rows whose state is none, and items that have an intent and are not live, or the other way
-- round. (What is opened to read is not held against its CHECKs by SQLite.)
-- name: report_no_state
-- in: item i64, intent i64, attempt i64, operation i64
-- out: items i64, intents i64, attempts i64, operations i64, carried i64
-- scan: a check of the whole journal
SELECT (SELECT COUNT(*) FROM item WHERE state NOT BETWEEN 0 AND :item) AS items,
	(SELECT COUNT(*) FROM intent WHERE state NOT BETWEEN 0 AND :intent) AS intents,
	(SELECT COUNT(*) FROM attempt WHERE state NOT BETWEEN 0 AND :attempt) AS attempts,
	(SELECT COUNT(*) FROM operation WHERE state NOT BETWEEN 0 AND :operation) AS operations,
	(SELECT COUNT(*) FROM item AS i LEFT JOIN intent AS n ON n.id = i.intent
		WHERE CASE WHEN i.state = 1 THEN n.id IS NULL OR n.operation <> i.operation
			ELSE i.intent IS NOT NULL END) AS carried;

-- name: report_chains
-- out: id i64, chain_id i64, genesis b32, name text, final_height i64?, stopped text?
-- scan: a handful of rows
SELECT id, chain_id, genesis, name, final_height, stopped FROM chain ORDER BY id;

-- The highest foreign use of an account that is known: a resume accepts up to here.
-- name: report_consumed_range
-- in: account i64, height i64
-- out: n i64, lowest i64?, highest i64?
-- scan: foreign use of a key is rare
SELECT COUNT(*) AS n, MIN(nonce) AS lowest, MAX(nonce) AS highest FROM consumed
WHERE account = :account AND height > :height AND judgement IN (0, 1);

-- name: report_consumed_height
-- in: account i64
-- out: height i64?
-- scan: foreign use of a key is rare
SELECT MAX(height) AS height FROM consumed WHERE account = :account;

-- Gas of rows that are not settled and have an estimate of their own.
-- name: report_gas_left
-- in: operation i64
-- out: gas i64, n i64
SELECT CAST(COALESCE(SUM(gas), 0) AS BIGINT) AS gas, COUNT(gas) AS n FROM item
WHERE operation = :operation AND state IN (0, 1);

-- The fees of the day, as the journal has them: of the highest block of the trail, and of
-- what was signed last.
-- name: report_base_fee
-- in: chain i64
-- out: base_fee i64
SELECT base_fee FROM block WHERE chain = :chain ORDER BY height DESC LIMIT 1;

-- name: report_signed_last
-- in: account i64
-- out: tip i64
SELECT tip FROM attempt WHERE id = (SELECT MIN(id) FROM attempt WHERE intent =
	(SELECT intent FROM attempt WHERE id = (SELECT MAX(id) FROM attempt WHERE account = :account)));

-- A token as an airdrop of this chain met it.
-- name: report_token
-- in: chain i64, token b20
-- out: decimals i64, symbol text
-- scan: there are few operations
SELECT a.decimals, a.symbol FROM airdrop AS a JOIN operation AS o ON o.id = a.operation
WHERE o.chain = :chain AND a.token = :token ORDER BY a.operation DESC LIMIT 1;

-- How many are not ended, of all chains of an id.
-- name: report_open
-- in: chain_id i64
-- out: n i64
-- scan: there are few operations
SELECT COUNT(*) AS n FROM operation AS o JOIN chain AS c ON c.id = o.chain
WHERE c.chain_id = :chain_id AND o.state NOT IN (4, 7);

-- name: metric_operations
-- out: kind text, state i64, n i64
-- scan: there are few operations
SELECT kind, state, COUNT(*) AS n FROM operation GROUP BY kind, state ORDER BY kind, state;

-- name: metric_tracked
-- in: chain i64
-- out: state i64, n i64
SELECT state, n FROM tracked_total WHERE chain = :chain ORDER BY state;

-- Is anything followed where nothing was ever paid?
-- name: report_only_tracks
-- out: tracked i64, operations i64
-- scan: there are few operations, and a sum for each chain and state
SELECT (SELECT COUNT(*) FROM tracked_total WHERE n > 0) AS tracked,
	(SELECT COUNT(*) FROM operation) AS operations;

-- name: metric_tracked_unseen
-- in: chain i64
-- out: since_ms i64
SELECT since_ms FROM tracked WHERE chain = :chain AND state = 0 AND ended_ms IS NULL ORDER BY since_ms LIMIT 1;

-- name: metric_items
-- out: pending i64, live i64, final i64, voided i64, refunded i64
-- scan: there are few operations
SELECT CAST(COALESCE(SUM(pending_n), 0) AS BIGINT) AS pending, CAST(COALESCE(SUM(live_n), 0) AS BIGINT) AS live,
	CAST(COALESCE(SUM(final_n), 0) AS BIGINT) AS final, CAST(COALESCE(SUM(void_n), 0) AS BIGINT) AS voided,
	CAST(COALESCE(SUM(refunded_n), 0) AS BIGINT) AS refunded
FROM operation;

-- name: metric_live
-- in: account i64
-- out: n i64
SELECT COUNT(*) AS n FROM intent WHERE account = :account AND state IN (0, 1);

-- name: metric_attempts
-- in: account i64
-- out: state i64, n i64
SELECT a.state, COUNT(*) AS n FROM intent AS i JOIN attempt AS a ON a.intent = i.id
WHERE i.account = :account AND i.state IN (0, 1) GROUP BY a.state ORDER BY a.state;

-- Those that should go on by themselves, and entered their stage before.
-- name: metric_stuck
-- in: before i64
-- out: n i64
-- scan: there are few operations
SELECT COUNT(*) AS n FROM operation AS o
WHERE o.state NOT IN (4, 5, 7, 8) AND (SELECT s.entered_ms FROM stage AS s
	WHERE s.operation = o.id ORDER BY s.ordinal DESC LIMIT 1) < :before;

-- When anything was last told of an operation.
-- name: metric_link_last
-- in: operation i64
-- out: at_ms i64
SELECT at_ms FROM link WHERE operation = :operation ORDER BY commit_no DESC LIMIT 1;

-- name: metric_due
-- out: n i64, oldest i64?
-- scan: what is due, by its index
SELECT COUNT(*) AS n, MIN(notice) AS oldest FROM message WHERE state = 0;

-- name: metric_notice
-- in: id i64
-- out: body text
SELECT body FROM notice WHERE id = :id;

-- Who hears of nothing any more is no loss.
-- name: metric_suspended
-- out: n i64
-- scan: there are few subscribers, next to what they are told
SELECT COUNT(*) AS n FROM subscriber AS s
WHERE s.suspended IS NOT NULL AND EXISTS (SELECT 1 FROM subscription AS u WHERE u.subscriber = s.id);

-- Whom nothing reaches: suspended while he hears of something, or with a first message that failed.
-- name: report_unreached
-- out: id i64, channel text, target text, suspended text?, why text?, due i64
-- scan: of all subscribers those that are not reached
SELECT s.id, s.channel, s.target, s.suspended,
	(SELECT m.why FROM message AS m WHERE m.subscriber = s.id AND m.state = 0
		ORDER BY m.notice LIMIT 1) AS why,
	(SELECT COUNT(*) FROM message AS m WHERE m.subscriber = s.id AND m.state = 0)
		+ CASE WHEN s.suspended IS NULL AND s.back IS NULL THEN 0 ELSE (SELECT COUNT(*) FROM message AS m
			WHERE m.subscriber = s.id AND m.state = 2) END AS due
FROM subscriber AS s
WHERE (s.suspended IS NOT NULL AND EXISTS (SELECT 1 FROM subscription AS u WHERE u.subscriber = s.id))
	OR EXISTS (SELECT 1 FROM message AS m
		WHERE m.subscriber = s.id AND m.state = 0 AND m.why IS NOT NULL)
ORDER BY s.id;

-- Who hears of a subject, and what he has not got.
-- name: report_hearers
-- in: subject_kind i64, subject i64
-- out: id i64, channel text, target text, suspended text?, label text?, confirmations i64?, why text?, due i64
SELECT s.id, s.channel, s.target, s.suspended, u.label, u.confirmations,
	(SELECT m.why FROM message AS m WHERE m.subscriber = s.id AND m.state = 0
		ORDER BY m.notice LIMIT 1) AS why,
	COALESCE(d.due, 0) + CASE WHEN s.suspended IS NULL AND s.back IS NULL THEN 0
		ELSE COALESCE(d.held, 0) END AS due
FROM subscription AS u JOIN subscriber AS s ON s.id = u.subscriber
	LEFT JOIN (SELECT m.subscriber, SUM(CASE WHEN m.state = 0 THEN 1 ELSE 0 END) AS due,
			SUM(CASE WHEN m.state = 2 THEN 1 ELSE 0 END) AS held
		FROM notice AS n JOIN message AS m ON m.notice = n.id
		WHERE n.subject_kind = :subject_kind AND n.subject = :subject AND m.state <> 1
		GROUP BY m.subscriber) AS d ON d.subscriber = s.id
WHERE u.subject_kind = :subject_kind AND u.subject = :subject ORDER BY s.id;

-- What subscribers call a subject.
-- name: report_labels
-- in: subject_kind i64, subject i64
-- out: label text
SELECT DISTINCT label FROM subscription
WHERE subject_kind = :subject_kind AND subject = :subject AND label IS NOT NULL ORDER BY label LIMIT 10;

-- What was told of a subject, and to whom.
-- name: report_told
-- in: subject_kind i64, subject i64
-- out: milestone i64, body text, channel text, target text, state i64, unknown i64, accepted_ms i64?
SELECT n.milestone, n.body, s.channel, s.target, m.state, m.unknown, m.accepted_ms
FROM notice AS n JOIN message AS m ON m.notice = n.id JOIN subscriber AS s ON s.id = m.subscriber
WHERE n.subject_kind = :subject_kind AND n.subject = :subject ORDER BY n.id, s.id;
