-- from which change a restore went on, where only its own line says it: those made before there was a row for it

INSERT INTO node_restore (no, after)
SELECT no, CASE WHEN after < 0 THEN NULL ELSE after END
FROM (SELECT no, CAST(rtrim(substr(CAST(line AS TEXT), 99), '}') AS INTEGER) AS after FROM node_change
	WHERE substr(CAST(line AS TEXT), 1, 24) = '{"do":"restore","root":"') AS told
WHERE NOT EXISTS (SELECT 1 FROM node_restore r WHERE r.no = told.no);
-- pg:
INSERT INTO node_restore (no, after)
SELECT no, CASE WHEN after < 0 THEN NULL ELSE after END
FROM (SELECT no, CAST(rtrim(substr(convert_from(line, 'UTF8'), 99), '}') AS BIGINT) AS after FROM node_change
	WHERE substr(convert_from(line, 'UTF8'), 1, 24) = '{"do":"restore","root":"') AS told
WHERE NOT EXISTS (SELECT 1 FROM node_restore r WHERE r.no = told.no);
