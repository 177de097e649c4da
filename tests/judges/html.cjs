// JSON in: pages by name. JSON out: what html-validate has against each.
const { HtmlValidate, StaticConfigLoader } = require("html-validate");
const rules = {
  // Written by hand in lower case, which HTML allows as well.
  "doctype-style": ["error", { style: "lowercase" }],
};
const loader = new StaticConfigLoader({
  root: true,
  extends: ["html-validate:recommended"],
  elements: ["html5"],
  rules,
});
const judge = new HtmlValidate(loader);
const pages = JSON.parse(require("fs").readFileSync(0, "utf8"));

async function main() {
  const found = {};
  for (const [name, html] of Object.entries(pages)) {
    const report = await judge.validateString(html, name);
    found[name] = report.results.flatMap((result) =>
      result.messages.map((one) => `${one.line}:${one.column} ${one.ruleId}: ${one.message}`),
    );
  }
  process.stdout.write(JSON.stringify(found));
}
main();
