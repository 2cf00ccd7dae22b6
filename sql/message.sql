-- Subscribers, what they are told, and how far it got.

-- name: message_journal
-- out: name b16
SELECT name FROM journal WHERE id = 1;

-- name: subscriber_add
-- in: channel text, target text
INSERT INTO subscriber (channel, target) VALUES (:channel, :target)
ON CONFLICT (channel, target) DO NOTHING;

-- name: subscriber_by_target
-- in: channel text, target text
-- out: id i64
SELECT id FROM subscriber WHERE channel = :channel AND target = :target;

-- name: subscription_add
-- in: subject_kind i64, subject i64, subscriber i64, label text?, confirmations i64?
INSERT INTO subscription (subject_kind, subject, subscriber, label, confirmations)
VALUES (:subject_kind, :subject, :subscriber, :label, :confirmations)
ON CONFLICT (subject_kind, subject, subscriber) DO NOTHING;

-- name: subscription_put
-- in: subject_kind i64, subject i64, subscriber i64, label text?, confirmations i64?
UPDATE subscription SET label = :label, confirmations = :confirmations
WHERE subject_kind = :subject_kind AND subject = :subject AND subscriber = :subscriber;

-- By which numbers of confirmations it is heard of; 0: by its own.
-- name: subscription_numbers
-- in: subject_kind i64, subject i64
-- out: number i64
SELECT DISTINCT COALESCE(confirmations, 0) AS number FROM subscription
WHERE subject_kind = :subject_kind AND subject = :subject ORDER BY 1;

-- name: subscription_get
-- in: subject_kind i64, subject i64, subscriber i64
-- out: label text?, confirmations i64?
SELECT label, confirmations FROM subscription
WHERE subject_kind = :subject_kind AND subject = :subject AND subscriber = :subscriber;

-- name: subscription_drop_all
-- in: subject_kind i64, subject i64
DELETE FROM subscription WHERE subject_kind = :subject_kind AND subject = :subject;

-- name: subscription_drop
-- in: subject_kind i64, subject i64, subscriber i64
DELETE FROM subscription
WHERE subject_kind = :subject_kind AND subject = :subject AND subscriber = :subscriber;

-- What he did not get of a subject that he left, and what nobody got of it; what was accepted stays.
-- name: message_leave
-- in: subject_kind i64, subject i64, subscriber i64
DELETE FROM message WHERE subscriber = :subscriber AND state <> 1 AND notice IN (
	SELECT n.id FROM notice AS n WHERE n.subject_kind = :subject_kind AND n.subject = :subject);

-- name: message_leave_all
-- in: subject_kind i64, subject i64
DELETE FROM message WHERE state <> 1 AND notice IN (
	SELECT n.id FROM notice AS n WHERE n.subject_kind = :subject_kind AND n.subject = :subject);

-- All that he did not get, but for answers to what he asked.
-- name: message_silence
-- in: subscriber i64
DELETE FROM message WHERE subscriber = :subscriber AND notice IN (
	SELECT m.notice FROM message AS m JOIN notice AS n ON n.id = m.notice
	WHERE m.subscriber = :subscriber AND m.state = 0 AND n.subject_kind <> 4
	UNION ALL SELECT m.notice FROM message AS m JOIN notice AS n ON n.id = m.notice
	WHERE m.subscriber = :subscriber AND m.state = 2 AND n.subject_kind <> 4);

-- Does anybody hear of it?
-- name: subscription_any
-- in: subject_kind i64, subject i64
-- out: subscriber i64
SELECT subscriber FROM subscription WHERE subject_kind = :subject_kind AND subject = :subject LIMIT 1;

-- name: notice_last
-- in: subject_kind i64, subject i64, milestone i64
-- out: nth i64?
SELECT MAX(nth) AS nth FROM notice
WHERE subject_kind = :subject_kind AND subject = :subject AND milestone = :milestone;

-- name: notice_one
-- in: subject_kind i64, subject i64, milestone i64, nth i64
-- out: id i64, bytes i64
SELECT id, LENGTH(body) AS bytes FROM notice
WHERE subject_kind = :subject_kind AND subject = :subject AND milestone = :milestone AND nth = :nth;

-- What it said is in an archive, and somebody asks again.
-- name: notice_refill
-- in: id i64, body text
UPDATE notice SET body = :body WHERE id = :id AND body = '';

-- name: notice_add
-- in: subject_kind i64, subject i64, milestone i64, nth i64, body text, commit_no i64
-- out: id i64
INSERT INTO notice (subject_kind, subject, milestone, nth, body, commit_no)
VALUES (:subject_kind, :subject, :milestone, :nth, :body, :commit_no)
RETURNING id;

-- To each who hears of it; what is for one that is suspended is held, until he is resumed.
-- name: message_add
-- in: notice i64, subject_kind i64, subject i64
INSERT INTO message (notice, subscriber, state, tries, unknown)
SELECT CAST(:notice AS BIGINT), u.subscriber, CASE WHEN s.suspended IS NULL THEN 0 ELSE 2 END, 0, 0
FROM subscription AS u JOIN subscriber AS s ON s.id = u.subscriber
WHERE u.subject_kind = :subject_kind AND u.subject = :subject;

-- To each who hears of it by this number.
-- name: message_add_by
-- in: notice i64, subject_kind i64, subject i64, number i64?
INSERT INTO message (notice, subscriber, state, tries, unknown)
SELECT CAST(:notice AS BIGINT), u.subscriber, CASE WHEN s.suspended IS NULL THEN 0 ELSE 2 END, 0, 0
FROM subscription AS u JOIN subscriber AS s ON s.id = u.subscriber
WHERE u.subject_kind = :subject_kind AND u.subject = :subject
	AND u.confirmations IS NOT DISTINCT FROM :number;

-- name: notice_newest
-- in: subject_kind i64, subject i64
-- out: id i64?
SELECT MAX(id) AS id FROM notice WHERE subject_kind = :subject_kind AND subject = :subject;

-- To one who came later.
-- name: message_add_to
-- in: notice i64, subscriber i64
INSERT INTO message (notice, subscriber, state, tries, unknown)
SELECT CAST(:notice AS BIGINT), id, CASE WHEN suspended IS NULL THEN 0 ELSE 2 END, 0, 0 FROM subscriber
WHERE id = :subscriber ON CONFLICT (notice, subscriber) DO NOTHING;

-- name: notice_of_subject
-- in: subject_kind i64, subject i64
-- out: id i64, milestone i64, nth i64, body text
SELECT id, milestone, nth, body FROM notice
WHERE subject_kind = :subject_kind AND subject = :subject ORDER BY id;

-- name: notice_from
-- in: id i64
-- out: id i64, subject_kind i64, subject i64, milestone i64, nth i64, body text, commit_no i64
SELECT id, subject_kind, subject, milestone, nth, body, commit_no FROM notice
WHERE id >= :id ORDER BY id;

-- name: message_of_notice
-- in: notice i64
-- out: subscriber i64, state i64, tries i64, unknown i64, why text?
SELECT subscriber, state, tries, unknown, why FROM message WHERE notice = :notice ORDER BY subscriber;

-- name: subscriber_get
-- in: id i64
-- out: channel text, target text, suspended text?, back i64?
SELECT channel, target, suspended, back FROM subscriber WHERE id = :id;

-- name: subscriber_suspend
-- in: id i64, why text
UPDATE subscriber SET suspended = :why, back = NULL WHERE id = :id;

-- back: how far what he missed is due again; NULL: all of it is.
-- name: subscriber_resume
-- in: id i64, back i64?
UPDATE subscriber SET suspended = NULL, back = :back WHERE id = :id;

-- The next subscriber that has something due.
-- name: message_due_next
-- in: after i64
-- out: subscriber i64, channel text, target text, suspended text?, back i64?
SELECT m.subscriber, s.channel, s.target, s.suspended, s.back
FROM message AS m JOIN subscriber AS s ON s.id = m.subscriber
WHERE m.state = 0 AND m.subscriber > :after
ORDER BY m.subscriber LIMIT 1;

-- What is due of one, in order.
-- name: message_first
-- in: subscriber i64, most i64
-- out: notice i64, tries i64, subject_kind i64, subject i64, milestone i64, body text, label text?
SELECT m.notice, m.tries, n.subject_kind, n.subject, n.milestone, n.body, u.label
FROM message AS m JOIN notice AS n ON n.id = m.notice
	LEFT JOIN subscription AS u ON u.subject_kind = n.subject_kind AND u.subject = n.subject
		AND u.subscriber = m.subscriber
WHERE m.state = 0 AND m.subscriber = :subscriber
ORDER BY m.notice LIMIT :most;

-- It is about to leave: until there is an answer, it may have arrived.
-- name: message_try
-- in: notice i64, subscriber i64
UPDATE message SET tries = tries + 1, unknown = unknown + 1
WHERE notice = :notice AND subscriber = :subscriber AND state = 0;

-- name: message_accepted
-- in: notice i64, subscriber i64, accepted_ms i64
UPDATE message SET state = 1, unknown = unknown - 1, accepted_ms = :accepted_ms, why = NULL
WHERE notice = :notice AND subscriber = :subscriber AND state = 0;

-- known: 1, there was an answer, or it did not leave.
-- name: message_again
-- in: notice i64, subscriber i64, known i64, why text
UPDATE message SET unknown = unknown - :known, why = :why
WHERE notice = :notice AND subscriber = :subscriber AND state = 0;

-- name: message_gone
-- in: notice i64, subscriber i64, why text
UPDATE message SET state = 2, unknown = unknown - 1, why = :why
WHERE notice = :notice AND subscriber = :subscriber AND state = 0;

-- What he missed is due again, but for what is in an archive: the next of it, up to which notice.
-- name: message_back_next
-- in: subscriber i64, after i64, most i64
-- out: n i64, upto i64?
-- scan: what the statement within it found
SELECT COUNT(*) AS n, MAX(f.notice) AS upto FROM (
	SELECT m.notice FROM message AS m JOIN notice AS n ON n.id = m.notice
	WHERE m.subscriber = :subscriber AND m.state = 2 AND m.notice > :after AND n.body <> ''
	ORDER BY m.notice LIMIT :most) AS f;

-- name: message_back
-- in: subscriber i64, after i64, upto i64
UPDATE message SET state = 0
WHERE subscriber = :subscriber AND state = 2 AND notice > :after AND notice <= :upto
	AND EXISTS (SELECT 1 FROM notice AS n WHERE n.id = message.notice AND n.body <> '');

-- name: message_due_of
-- in: subject_kind i64, subject i64
-- out: n i64
SELECT COUNT(*) AS n FROM notice AS n JOIN message AS m ON m.notice = n.id
WHERE n.subject_kind = :subject_kind AND n.subject = :subject AND m.state = 0;

-- name: message_due_all
-- out: n i64
-- scan: those that are due, of an index that has no others
SELECT COUNT(*) AS n FROM message WHERE state = 0;

-- Who would hear what is said to all: who hears of anything, and is reached.
-- name: subscriber_count
-- out: n i64, suspended i64
-- scan: whoever speaks to all, speaks to all
SELECT COUNT(*) - COUNT(s.suspended) AS n, COUNT(s.suspended) AS suspended FROM subscriber AS s
WHERE EXISTS (SELECT 1 FROM subscription AS u WHERE u.subscriber = s.id);

-- name: message_add_all
-- in: notice i64
-- scan: to all that would hear it
INSERT INTO message (notice, subscriber, state, tries, unknown)
SELECT CAST(:notice AS BIGINT), s.id, 0, 0, 0 FROM subscriber AS s
WHERE s.suspended IS NULL AND EXISTS (SELECT 1 FROM subscription AS u WHERE u.subscriber = s.id);

-- Who hears of an operation, and what he has not got.
-- name: report_subscribers
-- in: subject i64
-- out: id i64, channel text, target text, suspended text?, due i64, why text?
SELECT s.id, s.channel, s.target, s.suspended,
	(SELECT COUNT(*) FROM message AS m WHERE m.subscriber = s.id AND m.state = 0)
		+ CASE WHEN s.suspended IS NULL AND s.back IS NULL THEN 0 ELSE (SELECT COUNT(*) FROM message AS m
			WHERE m.subscriber = s.id AND m.state = 2) END AS due,
	(SELECT m.why FROM message AS m WHERE m.subscriber = s.id AND m.state = 0
		ORDER BY m.notice LIMIT 1) AS why
FROM subscription AS u JOIN subscriber AS s ON s.id = u.subscriber
WHERE u.subject_kind = 1 AND u.subject = :subject ORDER BY s.id;

-- Which message of a chat is rewritten as its subject goes on.
-- name: posted_get
-- in: subscriber i64, subject_kind i64, subject i64
-- out: message i64
SELECT message FROM posted
WHERE subscriber = :subscriber AND subject_kind = :subject_kind AND subject = :subject;

-- name: posted_put
-- in: subscriber i64, subject_kind i64, subject i64, message i64
INSERT INTO posted (subscriber, subject_kind, subject, message)
VALUES (:subscriber, :subject_kind, :subject, :message)
ON CONFLICT (subscriber, subject_kind, subject) DO UPDATE SET message = excluded.message;

-- name: posted_forget
-- in: subscriber i64, subject_kind i64, subject i64
DELETE FROM posted
WHERE subscriber = :subscriber AND subject_kind = :subject_kind AND subject = :subject;

-- A target that has another name.
-- name: subscriber_move
-- in: id i64, target text
UPDATE subscriber SET target = :target WHERE id = :id;

-- name: subscription_merge
-- in: old i64, into i64
-- scan: a chat becomes another one rarely
INSERT INTO subscription (subject_kind, subject, subscriber, label, confirmations)
SELECT subject_kind, subject, CAST(:into AS BIGINT), label, confirmations FROM subscription WHERE subscriber = :old
ON CONFLICT (subject_kind, subject, subscriber) DO NOTHING;

-- Does he hear of anything?
-- name: subscription_of
-- in: subscriber i64
-- out: subject i64
SELECT subject FROM subscription WHERE subscriber = :subscriber LIMIT 1;

-- name: subscription_none
-- in: subscriber i64
DELETE FROM subscription WHERE subscriber = :subscriber;

-- name: message_merge
-- in: old i64, into i64
INSERT INTO message (notice, subscriber, state, tries, unknown)
SELECT m.notice, s.id, CASE WHEN s.suspended IS NULL THEN 0 ELSE 2 END, 0, 0
FROM message AS m JOIN subscriber AS s ON s.id = :into WHERE m.subscriber = :old AND m.state = 0
ON CONFLICT (notice, subscriber) DO NOTHING;

-- What is due of one that is sent nothing any more, the first of it.
-- name: message_hold
-- in: subscriber i64, why text, most i64
UPDATE message SET state = 2, why = :why
WHERE subscriber = :subscriber AND state = 0 AND notice <= (
	SELECT MAX(f.notice) FROM (
		SELECT m.notice FROM message AS m WHERE m.subscriber = :subscriber AND m.state = 0
		ORDER BY m.notice LIMIT :most) AS f);
