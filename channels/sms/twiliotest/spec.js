// Reduces Twilio's OpenAPI description of api.v2010 to the Message resource.
// Usage: node spec.js twilio_api_v2010.json > twilio_messages.json
const fs = require("fs");
const whole = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const wanted = [
  "/2010-04-01/Accounts/{AccountSid}/Messages.json",
  "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json",
];
const paths = Object.fromEntries(wanted.map((p) => [p, whole.paths[p]]));
// Twilio writes "uri" where its answers, and its examples here, have a path: a
// relative reference. Left as it is, no true answer would pass.
const page = paths[wanted[0]].get.responses["200"].content["application/json"].schema;
for (const [name, property] of Object.entries(page.properties)) {
  if (name.endsWith("uri") && property.format === "uri") property.format = "uri-reference";
}
const schemas = {};
const collect = (node) => {
  if (node === null || typeof node !== "object") return;
  const name = /^#\/components\/schemas\/(.+)$/.exec(node.$ref || "")?.[1];
  if (name && !schemas[name]) {
    schemas[name] = whole.components.schemas[name];
    collect(schemas[name]);
  }
  Object.values(node).forEach(collect);
};
collect(paths);
const { openapi, info, servers, security, tags } = whole;
const { securitySchemes } = whole.components;
const reduced = {
  openapi, info, servers, security, paths,
  components: { schemas, securitySchemes },
};
if (tags) reduced.tags = tags.filter((t) => t.name === "Api20100401Message");
process.stdout.write(JSON.stringify(reduced, null, 1) + "\n");
