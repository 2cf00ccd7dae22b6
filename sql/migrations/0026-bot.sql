-- How far the updates of a bot were handled: all below are, in the commit that said so.
CREATE TABLE bot (
	id {{INT}} PRIMARY KEY,          -- its own, which its token begins with
	next_update {{INT}} NOT NULL
) {{STRICT}};
