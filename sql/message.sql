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
-- in: subject_kind i64, subject i64, subscriber i64, label text?
INSERT INTO subscription (subject_kind, subject, subscriber, label)
VALUES (:subject_kind, :subject, :subscriber, :label)
ON CONFLICT (subject_kind, subject, subscriber) DO NOTHING;

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
-- out: id i64
SELECT id FROM notice
WHERE subject_kind = :subject_kind AND subject = :subject AND milestone = :milestone AND nth = :nth;

-- name: notice_add
-- in: subject_kind i64, subject i64, milestone i64, nth i64, body text, commit_no i64
-- out: id i64
INSERT INTO notice (subject_kind, subject, milestone, nth, body, commit_no)
VALUES (:subject_kind, :subject, :milestone, :nth, :body, :commit_no)
RETURNING id;

-- To each who hears of it.
-- name: message_add
-- in: notice i64, subject_kind i64, subject i64
INSERT INTO message (notice, subscriber, state, tries, unknown)
SELECT CAST(:notice AS BIGINT), subscriber, 0, 0, 0 FROM subscription
WHERE subject_kind = :subject_kind AND subject = :subject;

-- name: notice_of_subject
-- in: subject_kind i64, subject i64
-- out: id i64, milestone i64, nth i64, body text
SELECT id, milestone, nth, body FROM notice
WHERE subject_kind = :subject_kind AND subject = :subject ORDER BY id;

-- name: message_of_notice
-- in: notice i64
-- out: subscriber i64, state i64, tries i64, unknown i64, why text?
SELECT subscriber, state, tries, unknown, why FROM message WHERE notice = :notice ORDER BY subscriber;
