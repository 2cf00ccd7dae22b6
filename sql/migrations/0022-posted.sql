-- Messages of chats that are rewritten as what they tell of goes on.
CREATE TABLE posted (
	subscriber {{INT}} NOT NULL REFERENCES subscriber (id),
	subject_kind {{INT}} NOT NULL,
	subject {{INT}} NOT NULL,
	message {{INT}} NOT NULL,        -- its number in the chat
	PRIMARY KEY (subscriber, subject_kind, subject)
) {{WITHOUT_ROWID}};
