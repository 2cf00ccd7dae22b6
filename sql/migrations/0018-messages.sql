-- what is told to whom

-- Where messages go. The target is as it was given: a URL may hold keys, and is shown without.
CREATE TABLE subscriber (
	id {{ID}},
	channel TEXT NOT NULL,           -- src/tell/channel.h
	target TEXT NOT NULL,
	suspended TEXT,                  -- why nothing is sent there any more; NULL: it is
	UNIQUE (channel, target)
) {{STRICT}};

-- Who hears of what. Kinds: 1 an operation, 2 a transaction that is followed, 3 the journal
-- itself (0), which speaks to all.
CREATE TABLE subscription (
	subject_kind {{INT}} NOT NULL,
	subject {{INT}} NOT NULL,
	subscriber {{INT}} NOT NULL REFERENCES subscriber (id),
	label TEXT,                      -- the subscriber's own word for it
	PRIMARY KEY (subject_kind, subject, subscriber)
) {{WITHOUT_ROWID}};

-- A milestone that a subject reached, written in the commit of its cause. It is decided once.
CREATE TABLE notice (
	id {{ID}},
	subject_kind {{INT}} NOT NULL,
	subject {{INT}} NOT NULL,
	milestone {{INT}} NOT NULL,      -- src/engine/milestone.def
	nth {{INT}} NOT NULL,            -- the same one may come again
	body TEXT NOT NULL,              -- JSON, equal for all subscribers
	commit_no {{INT}} NOT NULL,
	UNIQUE (subject_kind, subject, milestone, nth)
) {{STRICT}};

-- A notice on its way to a subscriber: once for ever, whatever becomes of it.
CREATE TABLE message (
	notice {{INT}} NOT NULL REFERENCES notice (id),
	subscriber {{INT}} NOT NULL REFERENCES subscriber (id),
	state {{INT}} NOT NULL CHECK (state IN (0, 1, 2)), -- 0 due, 1 accepted, 2 its target is gone
	tries {{INT}} NOT NULL,
	unknown {{INT}} NOT NULL,        -- tries of which nobody knows the answer: it may have arrived
	accepted_ms {{INT}},
	why TEXT,                        -- of the last failure
	PRIMARY KEY (notice, subscriber),
	CHECK ((state = 1) = (accepted_ms IS NOT NULL))
) {{WITHOUT_ROWID}};
CREATE INDEX message_due ON message (subscriber, notice) WHERE state = 0;
