// Judges an OpenAPI document, and answers against what it says of them, by the packages of
// tests/peers/others. usage: openapi.mjs PEERS <{"document", "answers": [{path, method, status,
// type, body}]}; each fault is a line.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.argv[2]}/openapi.mjs`));
const { Validator } = await import(
  pathToFileURL(require.resolve("@seriousme/openapi-schema-validator")).href
);
const Ajv = require("ajv/dist/2020.js").default;
const { document, answers } = JSON.parse(readFileSync(0, "utf8"));
const said = await new Validator().validate(structuredClone(document));
const ajv = new Ajv({ strict: false, allErrors: true });

if (!said.valid) console.log(`the document: ${JSON.stringify(said.errors)}`);
ajv.addSchema(document, "doc");

function part(...names) {
  return `doc#/${names.map((name) => name.replace(/~/g, "~0").replace(/\//g, "~1")).join("/")}`;
}

function judge({ path, method, status, type, body }) {
  const { responses } = document.paths[path][method];
  const content = ["content", type, "schema"];
  const ref = responses[status]
    ? part("paths", path, method, "responses", String(status), ...content)
    : part("components", "responses", "Refused", ...content);
  const check = ajv.compile({ $ref: encodeURI(ref) });
  return check(body) ? null : ajv.errorsText(check.errors);
}

for (const answer of said.valid ? answers : []) {
  const why = judge(answer);
  if (why) console.log(`${answer.method} ${answer.path}: ${answer.status}: ${why}`);
}
