-- Commands that chats send to a bot.

-- name: bot_get
-- in: id i64
-- out: next_update i64
SELECT next_update FROM bot WHERE id = :id;

-- name: bot_put
-- in: id i64, next_update i64
INSERT INTO bot (id, next_update) VALUES (:id, :next_update)
ON CONFLICT (id) DO UPDATE SET next_update = excluded.next_update;

-- name: bot_users
-- out: n i64
-- scan: a chat comes for the first time once
SELECT COUNT(*) AS n FROM subscriber WHERE channel = 'telegram';

-- To the one who asked.
-- name: answer_add
-- in: notice i64, subscriber i64
INSERT INTO message (notice, subscriber, state, tries, unknown)
VALUES (:notice, :subscriber, 0, 0, 0);

-- It says what is known now; it has not left.
-- name: answer_rewrite
-- in: notice i64, body text
UPDATE notice SET body = :body WHERE id = :notice AND subject_kind = 4
	AND EXISTS (SELECT 1 FROM message AS m WHERE m.notice = notice.id AND m.tries = 0);

-- What a chat follows: subjects of the kind 2.
-- name: followed_count
-- in: subscriber i64
-- out: n i64
SELECT COUNT(*) AS n FROM subscription AS u JOIN tracked AS t ON t.id = u.subject
WHERE u.subscriber = :subscriber AND u.subject_kind = 2 AND t.ended_ms IS NULL;

-- name: followed_one
-- in: subject i64, subscriber i64
-- out: subscriber i64
SELECT subscriber FROM subscription
WHERE subject_kind = 2 AND subject = :subject AND subscriber = :subscriber;

-- name: followed_last
-- in: subscriber i64, most i64
-- out: subject i64
SELECT subject FROM subscription
WHERE subscriber = :subscriber AND subject_kind = 2 ORDER BY subject DESC LIMIT :most;

-- Who asked has it: nobody needs it any more, and its update does not come again.
-- name: answer_message_drop
-- in: notice i64
DELETE FROM message WHERE notice = :notice;

-- name: answer_notice_drop
-- in: notice i64
DELETE FROM notice WHERE id = :notice;
