-- how many pegs and anchors of a layer 2 there are

-- By status, in the commit of each move, for people: nobody counts all of them to tell of them.
CREATE TABLE node_status (
	list {{INT}} NOT NULL,             -- 2 peg-ins, 3 peg-outs, 5 anchors
	status {{INT}} NOT NULL,           -- src/engine/states.def
	n {{INT}} NOT NULL,
	PRIMARY KEY (list, status)
) {{STRICT}};
INSERT INTO node_status (list, status, n) SELECT 2, status, COUNT(*) FROM node_pegin GROUP BY status;
INSERT INTO node_status (list, status, n) SELECT 3, status, COUNT(*) FROM node_pegout GROUP BY status;
INSERT INTO node_status (list, status, n) SELECT 5, status, COUNT(*) FROM node_anchor GROUP BY status;
