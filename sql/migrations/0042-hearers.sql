-- who hears of a subject by which number, and what is due, are found without a look at each row

-- Ten thousand hearers of one transaction may all have numbers of their own.
CREATE INDEX subscription_number ON subscription (subject_kind, subject, confirmations);
-- With the state in it, what is due is counted by the index alone.
DROP INDEX message_due;
CREATE INDEX message_due ON message (subscriber, notice, state) WHERE state = 0;
