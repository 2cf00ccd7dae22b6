-- what a suspended subscriber is not sent waits apart

-- State 2 is what is not sent: its target is gone, or it was given up. What comes for a subscriber
-- that is suspended is of it, too, so that those that are due can all be sent.
UPDATE message SET state = 2
WHERE state = 0 AND subscriber IN (SELECT id FROM subscriber WHERE suspended IS NOT NULL);
CREATE INDEX message_held ON message (subscriber, notice) WHERE state = 2;
