-- Keys of those who ask over HTTP, and what they led to. Nothing deletes one.

-- name: request_key_get
-- in: scope text, name text
-- out: command b32, members text, operation i64?, status i64, answer text
SELECT command, members, operation, status, answer FROM request_key
WHERE scope = :scope AND name = :name;

-- name: request_key_add
-- in: scope text, name text, command b32, members text, operation i64?, status i64, answer text, at_ms i64
INSERT INTO request_key (scope, name, command, members, operation, status, answer, at_ms)
VALUES (:scope, :name, :command, :members, :operation, :status, :answer, :at_ms);
